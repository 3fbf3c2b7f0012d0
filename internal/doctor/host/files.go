package host

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// read returns the text of a file, and whether there is one. A file that cannot be read is kept
// for TakeUnread.
func (h *Host) read(name string) (text string, found bool) {
	b, err := fs.ReadFile(h.Files, name)
	h.keep(err)
	return string(b), err == nil
}

// ReadFile returns the text of a file; empty: there is none.
func (h *Host) ReadFile(name string) string {
	text, _ := h.read(name)
	return text
}

// readDir returns the names in a directory, sorted; none: there is no such directory.
func (h *Host) readDir(name string) (names []string) {
	if info, err := fs.Stat(h.Files, name); err == nil && !info.IsDir() {
		return nil
	}
	entries, err := fs.ReadDir(h.Files, name)
	h.keep(err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// keep keeps the error of a file that exists, or may exist.
func (h *Host) keep(err error) {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return
	}
	if named, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("/%s: %w", strings.TrimPrefix(named.Path, "/"), named.Err)
	}
	h.unread = append(h.unread, err)
}

// TakeUnread returns the error of the first file that could not be read since the last call; nil:
// all that exist were read.
func (h *Host) TakeUnread() error {
	unread := h.unread
	h.unread = nil
	return cmp.Or(unread...)
}

// words returns the first word of each line of a file; nil: it cannot be read.
func (h *Host) words(file string) (words []string) {
	for line := range strings.Lines(h.ReadFile(file)) {
		if fields := strings.Fields(line); len(fields) > 0 {
			words = append(words, fields[0])
		}
	}
	return words
}

// A Line is a line of a file.
type Line struct {
	File   string
	Number int
	Text   string // without a comment and white space around
}

// String returns, for example, "/etc/modprobe.d/cis.conf:3".
func (l Line) String() string { return fmt.Sprintf("/%s:%d", l.File, l.Number) }

// Lines returns the lines of files, without empty ones and comments.
func (h *Host) Lines(files ...string) (lines []Line) {
	for _, file := range files {
		number := 0
		for text := range strings.Lines(h.ReadFile(file)) {
			number++
			text, _, _ = strings.Cut(text, "#")
			if text = strings.TrimSpace(text); text != "" && text[0] != ';' {
				lines = append(lines, Line{file, number, text})
			}
		}
	}
	return lines
}

// Glob returns the files whose names match a pattern of path.Match.
func (h *Host) Glob(pattern string) []string {
	directory, last := path.Split(pattern)
	if !strings.ContainsAny(directory, `*?[\`) && strings.ContainsAny(last, `*?[\`) {
		h.readDir(path.Clean(directory)) // fs.Glob ignores that it cannot be read
	}
	files, _ := fs.Glob(h.Files, pattern)
	return files
}

// DropIns returns the files of a directory such as sysctl.d, in the order in which they are read.
// A file replaces those of its name in later directories, also if it is empty (sysctl.d(5),
// modprobe.d(5), modules-load.d(5), systemd.unit(5)).
func (h *Host) DropIns(directory string) []string {
	return h.dropIns([]string{"etc", "run", "usr/local/lib", "usr/lib", "lib"}, directory)
}

func (h *Host) dropIns(roots []string, directory string) (files []string) {
	known := map[string]bool{}
	for _, root := range roots {
		for _, name := range h.readDir(path.Join(root, directory)) {
			if strings.HasSuffix(name, ".conf") && !known[name] {
				known[name] = true
				files = append(files, path.Join(root, directory, name))
			}
		}
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Compare(path.Base(a), path.Base(b)) })
	return files
}

// SysctlAtBoot returns the line of sysctl.d(5) that sets a sysctl whose name begins with
// prefix; empty: none.
func (h *Host) SysctlAtBoot(prefix string) string {
	for _, l := range h.Lines(append([]string{"etc/sysctl.conf"}, h.DropIns("sysctl.d")...)...) {
		name := strings.TrimPrefix(strings.ReplaceAll(l.Text, "/", "."), "-")
		if strings.HasPrefix(strings.TrimSpace(name), prefix) {
			return l.String()
		}
	}
	return ""
}

// Exists returns those of the files that exist.
func (h *Host) Exists(names ...string) (files []string) {
	for _, name := range names {
		info, err := fs.Stat(h.Files, name)
		h.keep(err)
		if err == nil && !info.IsDir() {
			files = append(files, name)
		}
	}
	return files
}

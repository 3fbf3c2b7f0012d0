package host

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A ModuleState is whether the kernel has a module.
type ModuleState uint8

// States of a module.
const (
	Absent    ModuleState = iota
	Available             // a file that modprobe loads
	Loaded
	BuiltIn
)

// ErrNoModules means that the files of the kernel's modules are missing.
var ErrNoModules = errors.New("the list of the kernel's modules is missing")

// Module returns whether the kernel has a module. Its error is that the lists of modules are
// missing, as in a container.
func (h *Host) Module(name string) (ModuleState, error) {
	if slices.Contains(h.words("proc/modules"), name) {
		return Loaded, nil
	}
	for _, base := range []string{"lib/modules", "usr/lib/modules"} {
		builtin, err := fs.ReadFile(h.Files, path.Join(base, h.Kernel, "modules.builtin"))
		if err != nil {
			continue
		}
		if hasModule(string(builtin), name) {
			return BuiltIn, nil
		}
		if list, err := fs.ReadFile(h.Files, path.Join(base, h.Kernel, "modules.dep")); err == nil && hasModule(string(list), name) {
			return Available, nil
		}
		return Absent, nil
	}
	return Absent, fmt.Errorf("%w: /lib/modules/%s", ErrNoModules, h.Kernel)
}

// words returns the first word of each line of a file; nil: it cannot be read.
func (h *Host) words(file string) (words []string) {
	for line := range strings.Lines(h.text(file)) {
		if fields := strings.Fields(line); len(fields) > 0 {
			words = append(words, fields[0])
		}
	}
	return words
}

func (h *Host) text(file string) string {
	b, _ := fs.ReadFile(h.Files, file)
	return string(b)
}

// hasModule searches a list of files such as modules.dep(5). A dash in the name of a file
// stands for an underscore.
func hasModule(list, name string) bool {
	for line := range strings.Lines(list) {
		file, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		base, _, _ := strings.Cut(path.Base(file), ".ko")
		if strings.ReplaceAll(base, "-", "_") == name {
			return true
		}
	}
	return false
}

// A Line is a line of a file.
type Line struct {
	File   string
	Number int
	Text   string // without a comment and white space around
}

// String returns, for example, "/etc/modprobe.d/cis.conf:3".
func (l Line) String() string { return fmt.Sprintf("/%s:%d", l.File, l.Number) }

// Lines returns the lines of the files that match one of the patterns of path.Match, without
// empty ones and comments.
func (h *Host) Lines(patterns ...string) (lines []Line) {
	for _, pattern := range patterns {
		files, _ := fs.Glob(h.Files, pattern)
		for _, file := range files {
			number := 0
			for text := range strings.Lines(h.text(file)) {
				number++
				text, _, _ = strings.Cut(text, "#")
				if text = strings.TrimSpace(text); text != "" && text[0] != ';' {
					lines = append(lines, Line{file, number, text})
				}
			}
		}
	}
	return lines
}

// Blocked returns the line of modprobe.d(5) that prevents that the kernel loads the module
// by itself; empty: none.
func (h *Host) Blocked(module string) string {
	for _, l := range h.Lines("etc/modprobe.d/*.conf", "usr/lib/modprobe.d/*.conf", "lib/modprobe.d/*.conf") {
		words := strings.Fields(l.Text)
		switch {
		case len(words) < 2 || words[1] != module:
		case words[0] == "blacklist", len(words) > 2 && words[0] == "install" && slices.Contains([]string{"false", "true"}, path.Base(words[2])):
			return l.String()
		}
	}
	return ""
}

// LoadedAtBoot reports whether a file of modules-load.d(5) names the module.
func (h *Host) LoadedAtBoot(module string) bool {
	lines := h.Lines("etc/modules-load.d/*.conf", "usr/lib/modules-load.d/*.conf", "lib/modules-load.d/*.conf", "run/modules-load.d/*.conf", "etc/modules")
	return slices.ContainsFunc(lines, func(l Line) bool { return strings.Fields(l.Text)[0] == module })
}

// SysctlAtBoot returns the line of sysctl.d(5) that sets a sysctl whose name begins with
// prefix; empty: none.
func (h *Host) SysctlAtBoot(prefix string) string {
	for _, l := range h.Lines("etc/sysctl.conf", "etc/sysctl.d/*.conf", "usr/lib/sysctl.d/*.conf", "lib/sysctl.d/*.conf") {
		name := strings.TrimPrefix(strings.ReplaceAll(l.Text, "/", "."), "-")
		if strings.HasPrefix(name, prefix) {
			return l.String()
		}
	}
	return ""
}

// unitDirectories are those of systemd.unit(5), the first with precedence.
func unitDirectories() []string {
	return []string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}
}

// HasSystemd reports whether the machine has units of systemd.
func (h *Host) HasSystemd() bool {
	_, err := fs.Stat(h.Files, "etc/systemd/system")
	return err == nil
}

// Unit returns the text of a unit with its drop-in files; empty: there is none, or it is
// masked.
func (h *Host) Unit(name string) string {
	for _, directory := range unitDirectories() {
		text, err := fs.ReadFile(h.Files, path.Join(directory, name))
		if err != nil {
			continue
		}
		if len(text) == 0 {
			return ""
		}
		var all strings.Builder
		all.WriteString(string(text))
		for _, l := range h.Lines("etc/systemd/system/"+name+".d/*.conf", "run/systemd/system/"+name+".d/*.conf") {
			all.WriteString("\n" + l.Text)
		}
		return all.String()
	}
	return ""
}

// Masked reports whether the unit is masked: the first file of its name is empty, as
// /dev/null is.
func (h *Host) Masked(name string) bool {
	for _, directory := range unitDirectories() {
		if text, err := fs.ReadFile(h.Files, path.Join(directory, name)); err == nil {
			return len(text) == 0
		}
	}
	return false
}

// Installed reports whether the unit has a file with a text, below a mask too.
func (h *Host) Installed(name string) bool {
	for _, directory := range unitDirectories() {
		if text, err := fs.ReadFile(h.Files, path.Join(directory, name)); err == nil && len(text) > 0 {
			return true
		}
	}
	return false
}

// Enabled reports whether a target or another unit starts the unit at boot.
func (h *Host) Enabled(name string) bool {
	return len(h.StartedBy(name)) > 0
}

// StartedBy returns the units that start the unit.
func (h *Host) StartedBy(name string) (units []string) {
	for _, kind := range []string{".wants", ".requires"} {
		directories, _ := fs.Glob(h.Files, "etc/systemd/system/*"+kind)
		for _, directory := range directories {
			entries, _ := fs.ReadDir(h.Files, directory)
			if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name }) {
				units = append(units, strings.TrimSuffix(path.Base(directory), kind))
			}
		}
	}
	return units
}

// ReadFile returns the text of a file; empty: there is none.
func (h *Host) ReadFile(name string) string { return h.text(name) }

// Exists returns those of the files that exist.
func (h *Host) Exists(names ...string) (files []string) {
	for _, name := range names {
		if info, err := fs.Stat(h.Files, name); err == nil && !info.IsDir() {
			files = append(files, name)
		}
	}
	return files
}

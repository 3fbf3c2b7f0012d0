package keepalived

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

type includedFile struct {
	name, text string
	skipped    string // what it is, if keepalived skips it; else empty
}

// An includer returns the files of an include line. pattern is a glob.
type includer func(pattern string) ([]includedFile, error)

// globFiles returns the files that glob(3) finds for the pattern: a hidden file only if the pattern
// has the dot.
func globFiles(pattern string) ([]includedFile, error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var files []includedFile
	for _, name := range names {
		if isHidden(pattern, name) {
			continue
		}
		file, err := readIncluded(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// isHidden reports whether a part of the name begins with a dot, and that part of the pattern not.
func isHidden(pattern, name string) bool {
	patterns, names := strings.Split(pattern, "/"), strings.Split(name, "/")
	for len(patterns) > 0 && len(names) > 0 {
		p, n := len(patterns)-1, len(names)-1
		if strings.HasPrefix(names[n], ".") && !strings.HasPrefix(patterns[p], ".") {
			return true
		}
		patterns, names = patterns[:p], names[:n]
	}
	return false
}

func readIncluded(name string) (includedFile, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return includedFile{}, err
	case info.IsDir():
		return includedFile{name: name, skipped: "a directory"}, nil
	case !info.Mode().IsRegular():
		return includedFile{}, fmt.Errorf("%s is not a regular file", name)
	case info.Mode()&0o111 != 0:
		return includedFile{name: name, skipped: "executable"}, nil
	case info.Size() > maxIncluded:
		return includedFile{}, fmt.Errorf("%s has more than %d MB", name, maxIncluded>>20)
	}
	content, err := os.ReadFile(name)
	return includedFile{name: name, text: string(content)}, err
}

func isInclude(text string) bool {
	word, _, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
	switch word {
	case "include", "includer", "includem", "includew", "includeb", "includea":
		return true
	}
	return false
}

// addIncluded adds the files of an include line. keepalived ignores a pattern that matches
// no file.
func (l *lines) addIncluded(text string, line oldconfig.Line, depth int) {
	words := strings.Fields(text)
	if len(words) != 2 || strings.ContainsAny(text, `{}"$`) {
		l.config.AddNotUnderstood(line, "this form of include is not supported: give the included files as arguments")
		return
	}
	if depth == maxDepth {
		l.config.AddNotUnderstood(line, "includes are nested more than %d times", maxDepth)
		return
	}
	pattern := words[1]
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(line.File), pattern)
	}
	files, err := l.include(pattern)
	if err != nil {
		l.config.AddNotUnderstood(line, "the included files cannot be read: %v", err)
		return
	}
	if len(files) == 0 {
		l.config.AddFinding(line, "no file matches %s: keepalived ignores the include", pattern)
	}
	for _, f := range files {
		if f.skipped != "" {
			l.config.AddFinding(line, "keepalived skips %s: it is %s", f.name, f.skipped)
			continue
		}
		if l.size += len(f.text); l.size > maxIncluded {
			l.config.AddNotUnderstood(line, "included files have more than %d MB", maxIncluded>>20)
			return
		}
		l.add(f.name, f.text, depth+1)
	}
}

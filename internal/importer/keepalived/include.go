package keepalived

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	slices.Sort(names)
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

// isInclude reports whether the line is an include (is_include of lib/parser.c).
func isInclude(text string) bool {
	rest, found := strings.CutPrefix(text, "include")
	if !found || rest == "" {
		return false
	}
	return isSpace(rest[0]) || strings.IndexByte("rmwba", rest[0]) >= 0 && len(rest) > 1 && isSpace(rest[1])
}

func isSpace(c byte) bool { return strings.IndexByte(" \t\n\v\f\r", c) >= 0 }

// addIncluded opens the files of an include line. It reports whether the line is one.
func (l *lines) addIncluded(text string) bool {
	if !isInclude(text) {
		return false
	}
	if !isInclude(l.text) {
		l.remark("keepalived reads the files of this include twice, because the line does not begin with it: write their lines here")
		l.sequences, l.stack, l.pending, l.depth = nil, nil, nil, 0
		return true
	}
	kind := strings.TrimSpace(text[len("include"):][:1])
	pattern := strings.TrimLeft(text[len("include")+1+len(kind):], " \t")
	if l.first {
		l.open(kind, pattern)
	}
	return true
}

// open opens the files of a pattern. The kind of the include is none or one of r, m, w, b and a.
func (l *lines) open(kind, pattern string) {
	depth := 0
	if len(l.files) > 0 {
		depth = l.files[len(l.files)-1].depth + 1
	}
	if depth > maxDepth {
		l.config.AddNotUnderstood(l.Line, "includes are nested more than %d times", maxDepth)
		return
	}
	if endsInBackslash(pattern) {
		l.config.AddNotUnderstood(l.Line, onlyDefinitions)
		return
	}
	patterns, err := l.patterns(pattern)
	if err != nil {
		l.config.AddNotUnderstood(l.Line, "%v", err)
		return
	}
	var files []*openFile
	for _, p := range patterns {
		found, err := l.include(p)
		if err != nil {
			l.config.AddNotUnderstood(l.Line, "the included files cannot be read: %v", err)
			return
		}
		if len(found) == 0 {
			l.remarkMissing(kind, p, len(patterns) > 1)
		}
		for _, f := range found {
			if f.skipped != "" {
				l.remarkSkipped(kind, f)
				continue
			}
			if l.size += len(f.text); l.size > maxIncluded {
				l.config.AddNotUnderstood(l.Line, "included files have more than %d MB", maxIncluded>>20)
				return
			}
			files = append(files, &openFile{name: f.name, text: f.text, depth: depth})
		}
	}
	slices.Reverse(files)
	l.files = append(l.files, files...)
}

// remarkMissing records a pattern without a file. includem, includew, includeb and includea end keepalived
// for some of these, as include_check does.
func (l *lines) remarkMissing(kind, pattern string, braces bool) {
	if l.strict || strings.Contains("mwba", kind) && kind != "" {
		l.config.AddNotUnderstood(l.Line, "no file matches %s: keepalived may refuse to start", pattern)
		return
	}
	what := "the include"
	if braces {
		what = "this part of the include"
	}
	l.config.AddFinding(l.Line, "no file matches %s: keepalived ignores %s", pattern, what)
}

func (l *lines) remarkSkipped(kind string, f includedFile) {
	if l.strict || kind != "" {
		l.config.AddNotUnderstood(l.Line, "keepalived does not start: %s is %s", f.name, f.skipped)
		return
	}
	l.config.AddFinding(l.Line, "keepalived skips %s: it is %s", f.name, f.skipped)
}

package keepalived

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
)

// maxPatterns is the number of patterns that braces may stand for.
const maxPatterns = 1 << 10

// setPattern matches a set of characters that glob(3) and Go read alike.
var setPattern = regexp.MustCompile(`\[[!^]?[0-9A-Za-z_.][0-9A-Za-z_.]*(-[0-9A-Za-z])?\]`)

// patterns returns the patterns of an include for filepath.Glob, without braces, relative to the
// directory of the file.
func (l *lines) patterns(pattern string) ([]string, error) {
	directory := ""
	if !strings.HasPrefix(pattern, "/") {
		directory = filepath.Dir(l.File)
	}
	if pattern == "" || strings.ContainsAny(pattern, "\"$\\") || strings.ContainsAny(setPattern.ReplaceAllString(pattern, ""), "[]") || strings.ContainsAny(directory, `*?[\{`) {
		return nil, errors.New("this form of include is not supported: give the included files as arguments")
	}
	list, ok := expandBraces(pattern)
	if !ok {
		return nil, errors.New("the braces of this include are not closed, or stand for too many patterns")
	}
	for i, p := range list {
		p = strings.ReplaceAll(p, "[!", "[^")
		if directory != "" {
			p = filepath.Join(directory, p)
		}
		list[i] = p
	}
	return list, nil
}

// expandBraces returns the patterns that "a{b,c}d" stands for, as glob(3) has them with GLOB_BRACE. It
// reports whether all braces are closed.
func expandBraces(pattern string) (list []string, ok bool) {
	before, after, found := strings.Cut(pattern, "{")
	if !found {
		return []string{pattern}, !strings.Contains(pattern, "}")
	}
	alternatives, rest, ok := cutBraces(after)
	if !ok {
		return nil, false
	}
	for _, alternative := range alternatives {
		expanded, ok := expandBraces(before + alternative + rest)
		if list = append(list, expanded...); !ok || len(list) > maxPatterns {
			return nil, false
		}
	}
	return list, true
}

// cutBraces cuts the alternatives of a brace that is open, and what follows it.
func cutBraces(text string) (alternatives []string, rest string, ok bool) {
	depth, start := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case c == '}':
			return append(alternatives, text[start:i]), text[i+1:], true
		case c == ',' && depth == 0:
			alternatives, start = append(alternatives, text[start:i]), i+1
		}
	}
	return nil, "", false
}

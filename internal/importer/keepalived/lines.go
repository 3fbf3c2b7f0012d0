package keepalived

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Limits of includes and definitions, against files that include themselves and
// definitions that double.
const (
	maxDepth    = 16
	maxIncluded = 32 << 20 // bytes of all files
	maxLine     = 64 << 10 // bytes of a line with its definitions
	maxLines    = 1 << 20  // of all files, and of statements: 10,000 virtual servers have 200,000
)

// A textLine is a line without comment, with the values of its definitions.
type textLine struct {
	text   string
	opaque string // why the line is not understood; else empty
	oldconfig.Line
}

type includedFile struct{ name, text string }

// An includer returns the files of an include line. pattern is a glob.
type includer func(pattern string) ([]includedFile, error)

func globFiles(pattern string) ([]includedFile, error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var files []includedFile
	for _, name := range names {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return nil, err
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("%s is not a regular file", name)
		case info.Size() > maxIncluded:
			return nil, fmt.Errorf("%s has more than %d MB", name, maxIncluded>>20)
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, includedFile{name, string(content)})
	}
	return files, nil
}

// lines collects the lines of a file and of those that it includes.
type lines struct {
	config      *oldconfig.Config
	include     includer
	definitions map[string]string
	blocks      map[string][]string // lines of definitions of several lines
	result      []textLine
	size        int
}

func (l *lines) add(name, text string, depth int) {
	number := 0
	continued := "" // the name of a definition of several lines
	for raw := range strings.Lines(text) {
		number++
		line := oldconfig.Line{File: name, Number: number, Text: strings.TrimRight(raw, "\r\n")}
		text := uncomment(raw)
		switch {
		case len(l.result) == maxLines:
			l.config.AddNotUnderstood(line, "the lines from here on are not read: there are more than %d", maxLines)
			return
		case continued != "":
			if strings.ContainsAny(raw, "#!") && !strings.HasSuffix(line.Text, `\`) {
				l.config.AddNotUnderstood(line, "it is not known whether $%s goes on after this comment", continued)
			}
			continued = l.continueBlock(continued, raw)
		case text == "":
		case isInclude(text):
			l.addIncluded(text, line, depth)
		case strings.HasPrefix(text, "$") && l.define(text):
			name, value, _ := strings.Cut(raw, "=")
			continued = l.beginBlock(strings.Trim(name, "$ \t"), value)
		case l.blocks[blockName(text)] != nil:
			l.addBlock(l.blocks[blockName(text)], line)
		default:
			l.result = append(l.result, l.expand(text, line))
		}
	}
}

// uncomment removes space and the comment. The characters # and ! begin a comment outside
// of double quotes.
func uncomment(line string) string {
	quoted, escaped := false, false
	for i := range len(line) {
		switch c := line[i]; {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '#' || c == '!'):
			return strings.TrimSpace(line[:i])
		}
	}
	return strings.TrimSpace(line)
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
		if l.size += len(f.text); l.size > maxIncluded {
			l.config.AddNotUnderstood(line, "included files have more than %d MB", maxIncluded>>20)
			return
		}
		l.add(f.name, f.text, depth+1)
	}
}

// define reads "$NAME=value", without space ahead of the sign. It reports whether the text is a definition.
func (l *lines) define(text string) bool {
	name, value, found := strings.Cut(text[1:], "=")
	if !found || name == "" || nameLength(name) != len(name) {
		return false
	}
	if l.definitions == nil {
		l.definitions = make(map[string]string)
	}
	l.definitions[name] = strings.TrimLeft(value, " \t")
	return true
}

// nameLength returns the length of the name at the beginning of the text.
func nameLength(text string) int {
	for i := range len(text) {
		c := text[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9' || i == 0) {
			return i
		}
	}
	return len(text)
}

// expand replaces $NAME and ${NAME}, also in values.
func (l *lines) expand(text string, line oldconfig.Line) textLine {
	for range maxDepth {
		at := strings.IndexByte(text, '$')
		if at < 0 {
			break
		}
		expanded, err := l.expandOnce(text[at:])
		if err != nil {
			return textLine{text, err.Error(), line}
		}
		text = text[:at] + expanded
		if len(text) > maxLine {
			return textLine{uncomment(line.Text), fmt.Sprintf("the line has more than %d kB with its definitions", maxLine>>10), line}
		}
	}
	switch {
	case strings.Contains(text, "$"):
		return textLine{text, "definitions are nested too deeply", line}
	case strings.HasPrefix(text, "@"):
		return textLine{text, "the line is for one configuration identifier of keepalived: keep the lines of this host only", line}
	case strings.HasPrefix(text, "~"):
		return textLine{text, "~SEQ and ~LST are not supported: write the lines that they stand for", line}
	}
	return textLine{text, "", line}
}

// expandOnce replaces each name in the text once.
func (l *lines) expandOnce(text string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name := rest[:nameLength(rest)]
		text = rest[len(name):]
		if inner, ok := strings.CutPrefix(rest, "{"); ok {
			if name, text, ok = strings.Cut(inner, "}"); !ok {
				name = ""
			}
		}
		value, ok := l.definitions[name]
		switch {
		case !ok:
			return "", fmt.Errorf("$%s has no definition before this line", name)
		case strings.HasSuffix(value, `\`):
			return "", fmt.Errorf("the definition of $%s has several lines, and lvsmark does not read it here: write its lines in place of it", name)
		}
		if b.WriteString(value); b.Len() > maxLine {
			return b.String(), nil
		}
	}
}

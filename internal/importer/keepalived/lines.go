package keepalived

import (
	"fmt"
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

// lines collects the lines of a file and of those that it includes.
type lines struct {
	config      *oldconfig.Config
	include     includer
	definitions map[string]string
	blocks      map[string][]string // lines of definitions of several lines
	result      []textLine
	size        int
	rows        int // of ~SEQ and ~LST
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
		case endsInBackslash(line.Text) && !isDefinition(text):
			l.result = append(l.result, textLine{text, `only definitions go on behind \: here keepalived takes it as a part of the last word`, line})
		case isInclude(text):
			l.addIncluded(text, line, depth)
		case strings.HasPrefix(text, "$") && l.define(text):
			name, value, _ := strings.Cut(raw, "=")
			continued = l.beginBlock(strings.Trim(name, "$ \t"), value)
		case strings.HasPrefix(text, "~SEQ") || strings.HasPrefix(text, "~LST"):
			l.addSequence(text, line)
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

// define reads "$NAME=value", without space ahead of the sign. It reports whether the text is a definition.
func (l *lines) define(text string) bool {
	if !isDefinition(text) {
		return false
	}
	name, value, _ := strings.Cut(text[1:], "=")
	l.setDefinition(name, strings.TrimLeft(value, " \t"))
	return true
}

func isDefinition(text string) bool {
	text, dollar := strings.CutPrefix(text, "$")
	name, _, found := strings.Cut(text, "=")
	return dollar && found && name != "" && nameLength(name) == len(name)
}

func (l *lines) setDefinition(name, value string) {
	if l.definitions == nil {
		l.definitions = make(map[string]string)
	}
	l.definitions[name] = value
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

// endsInBackslash reports whether the last character is a backslash that no other one escapes.
func endsInBackslash(text string) bool {
	return (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1
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
		return textLine{text, "~SEQ and ~LST are not supported here: write the lines that they stand for", line}
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
		if name != "" && text != "" && !strings.ContainsAny(text[:1], " \t,)") {
			return "", fmt.Errorf("keepalived does not replace $%s here: what follows it is not space. Write ${%s}", name, name)
		}
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

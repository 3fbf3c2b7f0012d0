package keepalived

import (
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Limits of includes and definitions, against files that include themselves and
// definitions that double.
const (
	maxDepth        = 16
	maxIncluded     = 32 << 20 // bytes of all files
	maxLines        = 1 << 20  // of all files, and of statements: 10,000 virtual servers have 200,000
	maxReplacements = 1 << 10  // of definitions in a line
)

// maxBytes is the size of keepalived's buffer for a line (MAXBUF): it reads a longer line as several ones.
const maxBytes = 1024

// A textLine is a statement, or a brace, with the values of its definitions.
type textLine struct {
	text   string
	opaque string // why the line is not understood; else empty
	oldconfig.Line
}

// lines reads lines as read_line of lib/parser.c does. keepalived reads the files twice: its first
// process writes a copy without comments and with the lines of included files, and the process that
// adds services reads the copy.
type lines struct {
	config  *oldconfig.Config
	include includer

	files  []*openFile
	copy   []sourceLine // written in the first reading
	first  bool         // the first reading
	strict bool         // include_check is set
	size   int          // bytes of included files

	sourceLine  // the last line that was read of a file
	definitions map[string]definition
	continued   string                    // the name of a definition that goes on in the next line
	pending     *pending                  // the rest of a definition of several lines
	stack       []*pending                // of the definitions around it
	sequences   []*sequence               // the last one has the next line
	depth       int                       // number of sequences that wait for the pending definition
	residue     string                    // what follows a brace
	reason      string                    // why the line is not understood
	identified  map[oldconfig.Remark]bool // of lines with an identifier

	taken  int // lines
	result []textLine
}

// A sourceLine is a line of a file without comment.
type sourceLine struct {
	text string
	oldconfig.Line
}

// An openFile is a file with the lines that are not read yet.
type openFile struct {
	name, text string
	number     int
	depth      int
}

// read reads a file and those that it includes.
func (l *lines) read(name, text string) {
	l.first, l.files, l.identified = true, []*openFile{{name: name, text: text}}, make(map[oldconfig.Remark]bool)
	l.run(func(string) {})
	l.first = false
	l.run(l.emit)
}

// run reads all lines once.
func (l *lines) run(emit func(text string)) {
	l.taken, l.definitions = 0, predefined()
	for {
		text, ok := l.take()
		if l.taken++; l.taken > maxLines {
			l.config.AddNotUnderstood(l.Line, "the lines from here on are not read: there are more than %d", maxLines)
			ok = false
		}
		if !ok {
			break
		}
		l.reason = ""
		switch {
		case text == "":
		case l.continued != "":
			l.continueDefinition(text)
		default:
			if text = l.process(text); text != "" && !l.addIncluded(text) {
				emit(text)
			}
		}
	}
	l.continued, l.pending, l.stack, l.sequences, l.depth, l.residue = "", nil, nil, nil, 0, ""
}

// take returns the next line: what follows a brace, a row of ~SEQ or ~LST, a line of a definition,
// or one of a file.
func (l *lines) take() (text string, ok bool) {
	switch {
	case l.residue != "":
		text, l.residue = l.residue, ""
		return text, true
	case len(l.sequences) > l.depth:
		return l.nextRow(), true
	case l.pending != nil:
		return l.nextOfDefinition(), true
	case !l.first:
		return l.takeCopied()
	}
	return l.takeFromFile()
}

func (l *lines) takeCopied() (text string, ok bool) {
	if len(l.copy) == 0 {
		return "", false
	}
	l.sourceLine, l.copy = l.copy[0], l.copy[1:]
	l.endIfEmpty(l.text)
	return decomment(l.text), true
}

// takeFromFile reads a line of a file, and writes it to the copy.
func (l *lines) takeFromFile() (text string, ok bool) {
	for len(l.files) > 0 && l.files[len(l.files)-1].text == "" {
		l.files = l.files[:len(l.files)-1]
	}
	if len(l.files) == 0 {
		return "", false
	}
	file := l.files[len(l.files)-1]
	raw, rest, _ := strings.Cut(file.text, "\n")
	file.text = rest
	file.number++
	l.Line = oldconfig.Line{File: file.name, Number: file.number, Text: strings.TrimRight(raw, "\r")}
	l.text = decomment(l.Text)
	switch {
	case len(raw) >= maxBytes-1:
		l.config.AddNotUnderstood(l.Line, "keepalived reads this line as several ones: it has more than %d characters", maxBytes-2)
		return "", true
	case strings.ContainsRune(raw, 0) || strings.HasPrefix(l.text, "#") || strings.HasPrefix(l.text, "!"):
		l.config.AddNotUnderstood(l.Line, `the line has a NUL character, or begins with \# or \!`)
		return "", true
	}
	l.endIfEmpty(l.Text)
	l.strict = l.strict || strings.Contains(l.text, "include_check")
	copied := l.sourceLine
	if isInclude(l.text) {
		copied.text = ""
		if l.continued != "" {
			l.config.AddNotUnderstood(l.Line, "the definition of $%s has an include", l.continued)
		}
	}
	l.copy = append(l.copy, copied)
	return l.text, true
}

// endIfEmpty ends a definition of several lines at a line without any character.
func (l *lines) endIfEmpty(text string) {
	if text == "" && l.continued != "" {
		l.endDefinition()
	}
}

// process returns the line with its definitions, or an empty text if the line is ~SEQ, ~LST or a
// definition.
func (l *lines) process(text string) string {
	for text != "" {
		switch {
		case text[0] == '@':
			if l.addIdentified(text) {
				return ""
			}
			l.reason = remarked
			return text
		case l.define(text):
			return ""
		case strings.HasPrefix(text, "~SEQ") || strings.HasPrefix(text, "~LST"):
			l.addSequence(text)
			return ""
		case text[0] == '~' || !strings.Contains(text, "$"):
			return text
		}
		replaced, found := l.replace(text, maxBytes)
		if !found || l.reason != "" {
			return text
		}
		if text = decomment(replaced); !strings.HasPrefix(text, "@") && !strings.Contains(text, "$") {
			break
		}
	}
	return text
}

// emit adds the line up to a brace, or the brace; what follows is read next.
func (l *lines) emit(text string) {
	at := braceIn(text)
	head := text
	switch {
	case at == 0:
		head, l.residue = text[:1], strings.Trim(text[1:], " \t")
	case at > 0:
		head, l.residue = strings.TrimRight(text[:at], " \t"), strings.TrimRight(text[at:], " \t")
	}
	reason := l.reason
	if reason == "" {
		reason = l.notUnderstood(text, head)
	}
	if reason != "" && reason != remarked { // one remark is enough for a line
		l.sequences, l.stack, l.pending, l.depth = nil, nil, nil, 0
	}
	l.result = append(l.result, textLine{head, reason, l.Line})
}

const onlyDefinitions = `only definitions go on behind \: here keepalived takes it as a part of the last word`

// notUnderstood returns why the head of a line is not understood, or an empty text.
func (l *lines) notUnderstood(text, head string) string {
	switch {
	case endsInBackslash(text):
		return onlyDefinitions
	case strings.Contains(head, "$"):
		return l.whyNotReplaced(text[strings.IndexByte(text, '$')+1:])
	case strings.HasPrefix(head, "~SEQ") || strings.HasPrefix(head, "~LST"):
		return "~SEQ and ~LST are not supported here: write the lines that they stand for"
	case strings.HasPrefix(head, "~"):
		return errNotSequence.Error()
	case strings.Count(head, `"`)%2 == 1:
		return "a quote is not closed"
	}
	return ""
}

// braceIn returns the index of the first brace outside of double quotes, or -1.
func braceIn(text string) int {
	quoted := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '}'):
			return i
		}
	}
	return -1
}

// endsInBackslash reports whether the last character is a backslash that no other one escapes.
func endsInBackslash(text string) bool {
	return (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1
}

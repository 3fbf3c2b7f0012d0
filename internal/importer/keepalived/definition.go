package keepalived

import (
	"fmt"
	"strings"
)

// A definition is the value of $NAME. The lines of one with several lines end with a line feed, but
// for the last one.
type definition struct {
	value     string
	multiline bool
	unknown   string // why the value is not known; else empty
}

// pending are the lines of a definition that are not read yet.
type pending struct {
	name, rest string
	depth      int // of the definition around it
}

// predefined returns the definitions that keepalived has itself (set_std_definitions).
func predefined() map[string]definition {
	return map[string]definition{
		"_PWD":      {unknown: "$_PWD is the directory in which keepalived reads the file"},
		"_INSTANCE": {unknown: "$_INSTANCE is the configuration identifier of keepalived"},
		"_RANDOM":   {unknown: "$_RANDOM has another value in each process of keepalived"},
		"_HASH":     {value: "#"},
		"_BANG":     {value: "!"},
	}
}

// define reads "$NAME=value", without space ahead of the sign. It reports whether the text is a
// definition.
func (l *lines) define(text string) bool {
	if !isDefinition(text) {
		return false
	}
	name, value, _ := strings.Cut(text[1:], "=")
	d := definition{value: strings.TrimLeft(value, " \t")}
	if first, continues := strings.CutSuffix(d.value, `\`); continues {
		d = definition{value: strings.TrimRight(first, " \t"), multiline: true}
		if d.value != "" {
			d.value += "\n"
		}
		l.continued = name
	}
	l.setDefinition(name, d)
	return true
}

func isDefinition(text string) bool {
	text, dollar := strings.CutPrefix(text, "$")
	name, _, found := strings.Cut(text, "=")
	return dollar && found && name != "" && nameLength(name) == len(name)
}

func (l *lines) setDefinition(name string, d definition) {
	for _, p := range append(l.stack, l.pending) {
		if p != nil && p.name == name {
			l.remark("a line of the definition of $%s changes this definition", name)
		}
	}
	l.definitions[name] = d
}

// remark records that the current line is not understood, once.
func (l *lines) remark(format string, args ...any) {
	if !l.first {
		l.config.AddNotUnderstood(l.Line, format, args...)
	}
}

// continueDefinition adds a line to a definition: one without a backslash at its end is the last.
func (l *lines) continueDefinition(text string) {
	name, d := l.continued, l.definitions[l.continued]
	text, continues := strings.CutSuffix(text, `\`)
	switch {
	case !continues:
		l.endDefinition()
		d = l.definitions[name]
		d.value += text
	case strings.TrimRight(text, " \t") != "":
		d.value += strings.TrimRight(text, " \t") + "\n"
	}
	l.definitions[name] = d
}

// endDefinition ends a definition of several lines. It has one line if there is none before.
func (l *lines) endDefinition() {
	d := l.definitions[l.continued]
	d.multiline = d.value != ""
	l.definitions[l.continued] = d
	l.continued = ""
}

// nextOfDefinition returns the next line of the pending definition.
func (l *lines) nextOfDefinition() string {
	text, rest, more := strings.Cut(l.pending.rest, "\n")
	l.pending.rest = rest
	if more {
		return text
	}
	l.pending, l.depth = nil, 0
	if last := len(l.stack) - 1; last >= 0 {
		l.pending, l.stack = l.stack[last], l.stack[:last]
		l.depth = l.pending.depth
	}
	return text
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

// reference returns the name that follows a $, and the number of characters that its value replaces,
// with the $. It reports whether keepalived replaces them, and whether the line ends behind them
// (find_definition).
func reference(text string) (name string, length int, ok, last bool) {
	inner, braces := strings.CutPrefix(text, "{")
	name = inner[:nameLength(inner)]
	rest := inner[len(name):]
	if braces {
		return name, len(name) + 3, name != "" && strings.HasPrefix(rest, "}"), rest == "}"
	}
	return name, len(name) + 1, name != "" && (rest == "" || strings.ContainsAny(rest[:1], " \t,)")), rest == ""
}

// replace puts the values of definitions in place of $NAME and ${NAME}, also in values, for as long
// as the line has fewer than limit characters. It reports whether there was one. A definition of
// several lines gives its first line here, at the end of the line only (replace_param).
func (l *lines) replace(text string, limit int) (result string, found bool) {
	count := 0
	for at := 0; l.reason == ""; {
		next := strings.IndexByte(text[at:], '$')
		if next < 0 || at+next+1 == len(text) {
			break
		}
		at += next
		name, length, ok, last := reference(text[at+1:])
		d, defined := l.definitions[name]
		if !ok || !defined || d.multiline && !last {
			at++
			continue
		}
		if d.unknown != "" {
			l.reason = d.unknown
			break
		}
		value := d.value
		if d.multiline {
			value = l.begin(name, d)
		}
		if count++; len(text)+len(value)-length >= limit || count > maxReplacements {
			l.reason = fmt.Sprintf("definitions are nested too deeply, or the line has more than %d characters with them", limit-1)
			break
		}
		text, found = text[:at]+value+text[at+length:], true
		if strings.HasPrefix(strings.TrimLeft(d.value, " \t"), "~") {
			break
		}
	}
	return text, found
}

// begin returns the first line of a definition of several lines. The others come next.
func (l *lines) begin(name string, d definition) string {
	first, rest, _ := strings.Cut(d.value, "\n")
	if l.pending != nil {
		l.pending.depth = l.depth
		l.stack = append(l.stack, l.pending)
	}
	l.pending, l.depth = &pending{name: name, rest: rest}, len(l.sequences)
	return first
}

// whyNotReplaced returns why the text behind a $ is not replaced.
func (l *lines) whyNotReplaced(text string) string {
	name, _, ok, _ := reference(text)
	d, defined := l.definitions[name]
	switch {
	case name != "" && !ok && text[0] != '{':
		return fmt.Sprintf("keepalived does not replace $%s here: what follows it is not space. Write ${%s}", name, name)
	case !defined:
		return fmt.Sprintf("$%s has no definition before this line", name)
	case d.multiline:
		return fmt.Sprintf("the definition of $%s has several lines: keepalived replaces it at the end of a line only", name)
	}
	return fmt.Sprintf("this form of $%s is not read", name)
}

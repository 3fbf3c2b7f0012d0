package config

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// A lineScan is what scan knows about the line that it reads.
type lineScan struct {
	begin   int  // of the line, in the text
	comment bool // a comment has begun
}

// problem returns a message about a character that YAML takes in another way than the author
// means, else "". i is its place in the text. What is in comments does not matter.
func (l *lineScan) problem(text []byte, i int, char rune) string {
	if l.comment {
		return ""
	}
	switch {
	case char == '#':
		l.comment = i == l.begin || text[i-1] == ' ' || text[i-1] == '\t'
	case char == '%' && len(bytes.Trim(text[l.begin:i], " \t")) == 0:
		return "a line that begins with % is a YAML directive, and a spec has none; remove the line"
	case isTemplate(text, i):
		return "this is a template that was not rendered ({{ }}, {% %} or <% %>); render it, and use the result"
	case char >= utf8.RuneSelf && unicode.Is(unicode.Zs, char):
		return fmt.Sprintf("character U+%04X looks like a space, but YAML takes it as a letter; replace it by a space", char)
	case char >= utf8.RuneSelf && unicode.Is(unicode.Cf, char):
		return fmt.Sprintf("character U+%04X is invisible; remove it", char)
	}
	return ""
}

// isTemplate reports whether a tag of a template of Jinja, Go or ERB begins at a brace, or one
// character before a percent sign.
func isTemplate(text []byte, i int) bool {
	next := byte(0)
	if i+1 < len(text) {
		next = text[i+1]
	}
	return text[i] == '{' && (next == '{' || next == '%') || text[i] == '%' && i > 0 && text[i-1] == '<'
}

// Package printable makes text of other programs safe to print. Names and comments of
// nftables objects and names of devices may contain any bytes: a terminal would obey
// escape sequences, and a line break would forge a line of output.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns the text as one line: each character that is not printable, line breaks
// included, is replaced by its escape sequence in Go, such as \x1b or \n. Tabs stay.
func Line(text string) string { return escape(text, false) }

// Lines is Line, but keeps line breaks.
func Lines(text string) string { return escape(text, true) }

func escape(text string, lines bool) string {
	if isPlain(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		char, size := utf8.DecodeRuneInString(text[i:])
		part := text[i : i+size]
		if lines && char == '\n' || isPrintable(char, size) {
			b.WriteString(part)
		} else {
			quoted := strconv.QuoteToASCII(part)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}

// isPlain reports whether the text is printable ASCII, as nearly all text is.
func isPlain(text string) bool {
	for i := range len(text) {
		if b := text[i]; b < ' ' || b > '~' {
			return false
		}
	}
	return true
}

func isPrintable(char rune, size int) bool {
	switch {
	case char == utf8.RuneError && size == 1:
		return false // not UTF-8
	case char == '\t':
		return true
	}
	// Not unicode.Cf: marks of writing direction reorder the line.
	return unicode.IsPrint(char)
}

package iptables

import "strings"

// A Word is an argument of a command.
type Word struct {
	Text   string
	Quoted bool // had quotes, so it is a value and no option
}

// Words returns words without quotes.
func Words(texts ...string) []Word {
	words := make([]Word, len(texts))
	for i, text := range texts {
		words[i].Text = text
	}
	return words
}

// SplitWords splits a line as iptables-restore(8) does: only double quotes quote, and a
// backslash escapes within them.
func SplitWords(line string) (words []Word, ok bool) {
	var text strings.Builder
	inWord, quoted, open := false, false, false
	flush := func() {
		if inWord {
			words = append(words, Word{Text: text.String(), Quoted: quoted})
		}
		text.Reset()
		inWord, quoted = false, false
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case open && c == '\\' && i+1 < len(line):
			i++
			text.WriteByte(line[i])
		case c == '"':
			open = !open
			inWord, quoted = true, true
		case !open && (c == ' ' || c == '\t' || c == '\r'):
			flush()
		default:
			inWord = true
			text.WriteByte(c)
		}
	}
	flush()
	return words, !open
}

// joinWords returns the words as they were written, with quotes where they are needed.
func joinWords(words []Word) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		if w.Text == "" || strings.ContainsAny(w.Text, " \t\"") {
			b.WriteString(`"` + strings.ReplaceAll(w.Text, `"`, `\"`) + `"`)
			continue
		}
		b.WriteString(w.Text)
	}
	return b.String()
}

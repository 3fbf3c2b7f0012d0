package ftpserver

import (
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// directives yields the lines of proftpd.conf. A backslash at the end of a line that is no comment
// joins the next line.
func (r *reader) directives(text string) func(yield func(oldconfig.Line) bool) {
	return func(yield func(oldconfig.Line) bool) {
		var joined *oldconfig.Line
		var b strings.Builder
		for l := range r.eachLine(text) {
			line := strings.TrimRight(l.Text, "\r")
			if joined == nil && strings.HasPrefix(strings.TrimLeft(line, " \t"), "#") {
				continue
			}
			if joined == nil {
				joined = &l
			}
			before, continues := strings.CutSuffix(line, `\`)
			if b.WriteString(before); continues {
				continue
			}
			joined.Text = b.String()
			b.Reset()
			if !yield(*joined) {
				return
			}
			joined = nil
		}
		if joined != nil {
			joined.Text = b.String()
			yield(*joined)
		}
	}
}

// proftpdWords splits a line into words. Double quotes enclose one, with a backslash ahead of a
// quote in it; a word that begins with # is a comment with all that follows.
func proftpdWords(line string) []string {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t\v\f\r")
		if line == "" || line[0] == '#' {
			return words
		}
		if line[0] != '"' {
			end := strings.IndexAny(line, " \t\v\f\r")
			if end < 0 {
				end = len(line)
			}
			words, line = append(words, line[:end]), line[end:]
			continue
		}
		var word string
		word, line = quotedWord(line[1:])
		words = append(words, word)
	}
}

// quotedWord returns the word up to the closing quote, and what is behind it.
func quotedWord(text string) (word, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:]
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), ""
}

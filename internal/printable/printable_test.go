package printable

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		"th dport 21 … accept":              "th dport 21 … accept",
		"größe 大小\t1":                       "größe 大小\t1",
		"\x1b]0;title\x07\x1b[2J":           `\x1b]0;title\a\x1b[2J`,
		"x\r\nlvsmark: no difference":       `x\r\nlvsmark: no difference`,
		"\x7f\u0085\u009b1m":                `\x7f\u0085\u009b1m`,
		"a\u202eb\u2066c\u2028d\ufeffe":     `a\u202eb\u2066c\u2028d\ufeffe`,
		"\xff\xfe not UTF-8, but \\ and \"": `\xff\xfe not UTF-8, but \ and "`,
	} {
		assert.Equal(t, want, Line(text))
	}
	assert.Equal(t, "a\nb\\x1b\n", Lines("a\nb\x1b\n"))
}

// FuzzLine: the result is one line of valid text that a terminal only prints.
func FuzzLine(f *testing.F) {
	f.Add("a\x1b[2J\n\xff\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		line := Line(text)
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && !isPrintable(r, 2) }) {
			t.Fatalf("%q", line)
		}
		if Line(line) != line {
			t.Fatalf("%q is changed again", line)
		}
	})
}

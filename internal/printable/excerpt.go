package printable

import (
	"fmt"
	"unicode/utf8"
)

// Sizes of an Excerpt, in bytes.
const (
	maxExcerpt  = 2000
	excerptHead = 1500
	excerptTail = 400
)

// Excerpt returns a text of at most 2,000 bytes: of a longer one, such as a line that another
// program generated, the beginning and the end, and how much is between them.
func Excerpt(text string) string {
	if len(text) <= maxExcerpt {
		return text
	}
	head, tail := excerptHead, len(text)-excerptTail
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	return fmt.Sprintf("%s… (%d bytes left out) …%s", text[:head], tail-head, text[tail:])
}

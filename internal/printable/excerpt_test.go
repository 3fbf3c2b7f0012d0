package printable

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestExcerpt(t *testing.T) {
	short := strings.Repeat("a", maxExcerpt)
	assert.Equal(t, short, Excerpt(short))
	long := strings.Repeat("a", 1500) + strings.Repeat("b", 10<<20) + strings.Repeat("c", 400)
	assert.Equal(t, strings.Repeat("a", 1500)+"… (10485760 bytes left out) …"+strings.Repeat("c", 400), Excerpt(long))
	for i := range 4 { // cuts within a character
		text := Excerpt(strings.Repeat("x", i) + strings.Repeat("€", 4000))
		assert.True(t, utf8.ValidString(text), i)
		assert.LessOrEqual(t, len(text), maxExcerpt)
	}
	assert.LessOrEqual(t, len(Excerpt(strings.Repeat("\x80", 5000))), maxExcerpt+100, "no UTF-8 at all")
}

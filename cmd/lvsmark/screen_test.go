package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestNarrowScreen: lines that are longer than the terminal take several of its lines.
func TestNarrowScreen(t *testing.T) {
	long, red := strings.Repeat("x", 11), "\x1b[31m"+strings.Repeat("y", 10)+"\x1b[0m"
	for name, c := range map[string]struct {
		size  screenSize
		lines []string
		want  []string
	}{
		"all fit":          {screenSize{4, 80}, []string{"a", "b", "c"}, []string{"a", "b", "c"}},
		"one too many":     {screenSize{4, 80}, []string{"a", "b", "c", "d"}, []string{"a", "b", "…"}},
		"two rows fit":     {screenSize{4, 10}, []string{long, "b"}, []string{long, "b"}},
		"two rows too far": {screenSize{4, 10}, []string{"a", "b", long}, []string{"a", "b", "…"}},
		"no room for …":    {screenSize{4, 10}, []string{"a", long, "b"}, []string{"a", "…"}},
		"colours":          {screenSize{4, 10}, []string{red, red, red}, []string{red, red, red}},
		"empty lines":      {screenSize{4, 10}, []string{"", "", ""}, []string{"", "", ""}},
		"first too long":   {screenSize{2, 10}, []string{long, "b"}, []string{"…"}},
		"one line":         {screenSize{1, 10}, []string{long, "b"}, []string{long, "b"}},
		"no width":         {screenSize{4, 0}, []string{long, long, "b"}, []string{long, long, "b"}},
	} {
		before := strings.Join(c.lines, "\n")
		assert.Equal(t, c.want, c.size.fitting(c.lines), name)
		assert.Equal(t, before, strings.Join(c.lines, "\n"), name)
	}
}

// TestFullLine: nothing is erased behind a line that ends in the last cell.
func TestFullLine(t *testing.T) {
	full := strings.Repeat("x", 10)
	assert.Equal(t, cursorHome+full+"\n"+full+full+"\n"+full+"x"+eraseLine+"\n"+eraseBelow,
		onScreen(full+"\n"+full+full+"\n"+full+"x\n", screenSize{24, 10}, false))
}

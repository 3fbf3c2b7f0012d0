package main

import (
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// The sequences of ECMA-48 that move the cursor to the first cell, and erase to the end of
// the line and of the screen.
const (
	cursorHome = "\x1b[H"
	eraseLine  = "\x1b[K"
	eraseBelow = "\x1b[J"
)

// A screenSize is the number of lines of a terminal and of cells in a line; 0: unknown.
type screenSize struct{ height, width int }

// terminalSize returns the size of a terminal.
func terminalSize(w io.Writer) screenSize {
	file := fileOf(w)
	if file == nil {
		return screenSize{}
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return screenSize{}
	}
	return screenSize{int(size.Row), int(size.Col)}
}

// colourSequences match the sequences of palette, which take no cells.
var colourSequences = regexp.MustCompile("\x1b\\[[0-9;]*m")

// cells returns the number of cells of a line: names in a spec have letters of one cell only.
func cells(line string) int {
	return utf8.RuneCountInString(colourSequences.ReplaceAllString(line, ""))
}

// rows returns the number of lines of the terminal that a line of text takes.
func (s screenSize) rows(line string) int {
	if s.width <= 0 {
		return 1
	}
	return max(1, (cells(line)+s.width-1)/s.width)
}

// fitting returns the lines that fit above the last line of the terminal, where the cursor stays.
// The last one is … if some do not.
func (s screenSize) fitting(lines []string) []string {
	if s.height <= 1 {
		return lines
	}
	used, fit := 0, 0 // fit: the lines that leave room for …
	for i, line := range lines {
		if used += s.rows(line); used > s.height-1 {
			return append(lines[:fit:fit], "…")
		}
		if used < s.height-1 {
			fit = i + 1
		}
	}
	return lines
}

// onScreen returns the sequences that replace the content of a terminal by the text, as far
// as it fits. The first text is preceded by empty lines, which keep what was there before.
func onScreen(text string, size screenSize, first bool) string {
	var b strings.Builder
	if first {
		b.WriteString(strings.Repeat("\n", max(size.height-1, 0)))
	}
	b.WriteString(cursorHome)
	for _, line := range size.fitting(strings.Split(strings.TrimSuffix(text, "\n"), "\n")) {
		b.WriteString(line)
		// After a full line, the cursor of many terminals is still on its last cell, which would be erased.
		if n := cells(line); n == 0 || size.width <= 0 || n%size.width != 0 {
			b.WriteString(eraseLine)
		}
		b.WriteByte('\n')
	}
	b.WriteString(eraseBelow)
	return b.String()
}

package main

import (
	"fmt"
	"strings"
)

// A mutant is one change of a source file.
type mutant struct {
	file         string // from the root of the module
	source       string // the whole file
	start, end   int    // the replaced bytes of source
	replacement  string
	operator     string
	line, column int
	function     string // name of the enclosing function; empty: none
	lines        [2]int // the first and the last line of that function
}

// text returns the mutated file.
func (m *mutant) text() string { return m.source[:m.start] + m.replacement + m.source[m.end:] }

// change describes the mutant by its content: the file, the function, and the lines before
// and after. It stays the same when other lines are edited.
func (m *mutant) change() string {
	from := strings.LastIndexByte(m.source[:m.start], '\n') + 1
	to := len(m.source)
	if n := strings.IndexByte(m.source[m.end:], '\n'); n >= 0 {
		to = m.end + n
	}
	before, after := m.source[from:to], m.source[from:m.start]+m.replacement+m.source[m.end:to]
	text := fmt.Sprintf("%s: %s: %s: %s → %s", m.file, m.function, m.operator, oneLine(before), oneLine(after))
	return strings.TrimSpace(text)
}

func (m *mutant) String() string {
	_, what, _ := strings.Cut(m.change(), ": ")
	return fmt.Sprintf("%s:%d:%d: %s", m.file, m.line, m.column, what)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

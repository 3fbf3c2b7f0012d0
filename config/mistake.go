package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Mistake is an error in a file that makes the spec invalid. Line and Column count
// from 1, columns in characters.
type Mistake struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// Error returns "file:line:column: message".
func (m Mistake) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, m.Message)
}

// Mistakes are the mistakes of one file, sorted by position. As an error, they are
// never empty.
type Mistakes []Mistake

// Error returns one line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.Error()
	}
	return strings.Join(lines, "\n")
}

// A Note is a warning about something in a file that is valid. Line and Column are
// as in Mistake.
type Note struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// String returns "file:line:column: message".
func (n Note) String() string { return Mistake(n).Error() }

// A position is a line and a column of the file, both from 1.
type position struct{ line, column int }

func comparePositions(a, b position) int {
	return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
}

// maxMistakes limits the output for a hostile file.
const maxMistakes = 1000

// A report collects the mistakes and notes about one file.
type report struct {
	file     string
	mistakes []Mistake
	more     int // number of mistakes beyond maxMistakes
	notes    []Note
}

func (r *report) mistake(at position, format string, args ...any) {
	if len(r.mistakes) == maxMistakes {
		r.more++
		return
	}
	r.mistakes = append(r.mistakes, r.entry(at, format, args...))
}

func (r *report) note(at position, format string, args ...any) {
	if len(r.notes) < maxMistakes {
		r.notes = append(r.notes, Note(r.entry(at, format, args...)))
	}
}

func (r *report) entry(at position, format string, args ...any) Mistake {
	return Mistake{File: r.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)}
}

// err returns the sorted Mistakes, or nil if there are none.
func (r *report) err() error {
	if len(r.mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(r.mistakes, compareEntries)
	if r.more > 0 {
		last := r.mistakes[len(r.mistakes)-1]
		r.mistakes = append(r.mistakes, r.entry(position{last.Line, last.Column},
			"%d more mistakes are not listed; fix these first", r.more))
	}
	return Mistakes(r.mistakes)
}

func (r *report) sortedNotes() []Note {
	slices.SortStableFunc(r.notes, func(a, b Note) int { return compareEntries(Mistake(a), Mistake(b)) })
	return r.notes
}

func compareEntries(a, b Mistake) int {
	return comparePositions(position{a.Line, a.Column}, position{b.Line, b.Column})
}

package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Mistake is something in a file that keeps it from being a Spec. Line and
// Column count from 1, columns in characters.
type Mistake struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// Error is "file:line:column: message".
func (m Mistake) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, m.Message)
}

// Mistakes are those of one file, sorted by position; never empty as an error.
type Mistakes []Mistake

// Error holds one line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.Error()
	}
	return strings.Join(lines, "\n")
}

// A Note is something in a file that is legal, but worth saying.
type Note struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// String is "file:line:column: message".
func (n Note) String() string { return Mistake(n).Error() }

// A position is a place in the file; both count from 1.
type position struct{ line, column int }

func comparePositions(a, b position) int {
	return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
}

// maxMistakes bounds what a hostile file makes us write: it is more than
// anybody reads.
const maxMistakes = 1000

// A report collects what is said about one file.
type report struct {
	file     string
	mistakes []Mistake
	more     int // mistakes that came after maxMistakes
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

// err returns the mistakes sorted, or nil when there are none.
func (r *report) err() error {
	if len(r.mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(r.mistakes, compareEntries)
	if r.more > 0 {
		last := r.mistakes[len(r.mistakes)-1]
		r.mistakes = append(r.mistakes, r.entry(position{last.Line, last.Column},
			"%d more mistakes are not listed; mend these first", r.more))
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

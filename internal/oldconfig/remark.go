package oldconfig

import (
	"fmt"

	"github.com/lvsmark/lvsmark/internal/printable"
)

// MaxRemarks is the number of remarks of each kind that a Config keeps. A file of noise has
// millions.
const MaxRemarks = 10000

// NewRemark returns a remark with an excerpt of the message, which may quote words of any length.
func NewRemark(line Line, format string, args ...any) Remark {
	return Remark{line, printable.Excerpt(fmt.Sprintf(format, args...))}
}

// Excerpt returns an excerpt of the line.
func (l Line) Excerpt() string { return printable.Excerpt(l.Text) }

// AddNotUnderstood records a line whose meaning the reader does not know.
func (c *Config) AddNotUnderstood(line Line, format string, args ...any) {
	c.NotUnderstood = add(c.NotUnderstood, line, format, args)
}

// AddFinding records a line that a spec does not contain.
func (c *Config) AddFinding(line Line, format string, args ...any) {
	c.Findings = add(c.Findings, line, format, args)
}

// add keeps the first MaxRemarks. The last one says that there are more.
func add(remarks []Remark, line Line, format string, args []any) []Remark {
	switch n := len(remarks); {
	case n == MaxRemarks:
		return remarks
	case n == MaxRemarks-1:
		return append(remarks, Remark{line, fmt.Sprintf("there are more remarks: only the first %d are kept", MaxRemarks)})
	}
	return append(remarks, NewRemark(line, format, args...))
}

package oldconfig

import "fmt"

// MaxRemarks is the number of remarks of each kind that a Config keeps. A file of noise has
// millions.
const MaxRemarks = 10000

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
	return append(remarks, Remark{line, fmt.Sprintf(format, args...)})
}

// Package doctor runs checks of a host. A check looks for one kind of trap: a setting, a
// rule or a program that breaks the clusters of a spec. Package host reads the host,
// packages director and realserver have the checks.
package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Check looks for one kind of trap in a subject S, which is a value: a check makes no
// system calls of its own.
type Check[S any] struct {
	Name    string // stable: users select checks by it
	Summary string // what the check looks at
	Why     string // what breaks if there is a finding

	// Run returns the findings. An error is the reason why the check cannot be made.
	Run func(S) ([]Finding, error)
}

// A Finding is a trap that is set.
type Finding struct {
	Text    string // the fact
	Command string // command that removes the trap, or the change of the spec
	Apply   bool   // lvsmark apply removes it
}

// A Result is the outcome of a check.
type Result struct {
	Name, Why  string
	Findings   []Finding
	NotChecked string // reason; empty: checked
}

// A Report has the results of the selected checks, in the order of the checks.
type Report []Result

// Findings returns the number of findings.
func (r Report) Findings() (n int) {
	for _, result := range r {
		n += len(result.Findings)
	}
	return n
}

// Unchecked returns the number of checks that could not be made.
func (r Report) Unchecked() (n int) {
	for _, result := range r {
		if result.NotChecked != "" {
			n++
		}
	}
	return n
}

// Appliable reports whether apply removes a finding.
func (r Report) Appliable() bool {
	return slices.ContainsFunc(r, func(result Result) bool {
		return slices.ContainsFunc(result.Findings, func(f Finding) bool { return f.Apply })
	})
}

// A Selection restricts the checks. The zero value selects all.
type Selection struct {
	Only []string // names of checks; empty: all
	Skip []string
}

// ErrUnknown is the error for a name that no check has.
var ErrUnknown = errors.New("unknown check")

// ErrNone means that a selection omits all checks, so that no trap could be found.
var ErrNone = errors.New("no check is left")

// Select returns the selected checks in their own order.
func Select[S any](checks []Check[S], s Selection) ([]Check[S], error) {
	for _, name := range slices.Concat(s.Only, s.Skip) {
		if !slices.ContainsFunc(checks, func(c Check[S]) bool { return c.Name == name }) {
			return nil, fmt.Errorf("%w %q: use one of %s", ErrUnknown, name, strings.Join(Names(checks), ", "))
		}
	}
	selected := slices.DeleteFunc(slices.Clone(checks), func(c Check[S]) bool {
		return len(s.Only) > 0 && !slices.Contains(s.Only, c.Name) || slices.Contains(s.Skip, c.Name)
	})
	if len(selected) == 0 {
		return nil, ErrNone
	}
	return selected, nil
}

// Names returns the names of the checks.
func Names[S any](checks []Check[S]) []string {
	names := make([]string, len(checks))
	for i, c := range checks {
		names[i] = c.Name
	}
	return names
}

// A reader is a subject that keeps the errors of files that checks look at. TakeUnread returns the
// first of them since the last call.
type reader interface{ TakeUnread() error }

// Run makes the checks.
func Run[S any](checks []Check[S], subject S) Report {
	report := make(Report, len(checks))
	for i, c := range checks {
		findings, err := c.Run(subject)
		if r, ok := any(subject).(reader); ok {
			err = cmp.Or(r.TakeUnread(), err) // what a check misses may be in that file
		}
		report[i] = Result{Name: c.Name, Why: c.Why, Findings: findings}
		if err != nil {
			report[i].NotChecked = err.Error()
		}
	}
	return report
}

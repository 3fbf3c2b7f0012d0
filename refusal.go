package lvsmark

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/internal/impact"
)

// An ImpactError refuses changes that do to live traffic what the operator does
// not want.
type ImpactError struct {
	FailOn  impact.Effect
	Changes []Change // those that do it
}

// errDrained goes before the error of what came after a drain, which has changed
// something.
var errDrained = errors.New("drained, but not done: removed real servers keep weight 0, added ones are there, the next apply goes on from here")

// Error has a line for each change, and one for the way out.
func (e *ImpactError) Error() string {
	lines := []string{fmt.Sprintf("refused by --fail-on %s, nothing was done: %s", e.FailOn, Sum(e.Changes))}
	for _, c := range e.Changes {
		lines = append(lines, fmt.Sprintf("%s: %s", c, c.Impact))
	}
	hint := "without --fail-on, apply does it all the same"
	if e.FailOn == impact.Cuts {
		hint = "with --drain 5m, apply lets the connections of real servers end first; " + hint
	}
	return strings.Join(append(lines, hint), "\n")
}

// Refused returns an *ImpactError when one of the changes is at least as bad as
// what the operator does not want; see Options.FailOn.
func (p *Plan) Refused() error {
	failOn := p.opts.FailOn
	if failOn == "" {
		return nil
	}
	e := &ImpactError{FailOn: failOn}
	for _, c := range p.Changes() {
		if c.Impact.Effect.AtLeast(failOn) {
			e.Changes = append(e.Changes, c)
		}
	}
	if len(e.Changes) == 0 {
		return nil
	}
	return e
}

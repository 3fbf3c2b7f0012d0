package lvsmark

import (
	"context"
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
)

// A StalePlanError says that a plan file is out of date: what moved since it was
// made. Nothing was changed.
type StalePlanError struct {
	Moved []string
}

func (e *StalePlanError) Error() string {
	lines := make([]string, len(e.Moved))
	for i, what := range e.Moved {
		lines[i] = "the plan is out of date: " + what
	}
	return strings.Join(append(lines, "nothing was changed; make the plan anew with `lvsmark plan`"), "\n")
}

// Plan plans to do precisely what the plan file says, or returns a *StalePlanError.
// The caller has read the spec that the plan file names, and gives its digest. Apply
// compares again where the kernel is changed meanwhile.
func (s *SavedPlan) Plan(ctx context.Context, spec *config.Spec, digest SpecDigest, opts Options) (*Plan, error) {
	opts.Saves = true
	return planning(ctx, opts, func(e *engine) (*Plan, error) {
		p, err := e.planSpec(ctx, Known(spec))
		if err != nil {
			return nil, err
		}
		return p.checked(&fileCheck{s, digest})
	})
}

// A fileCheck is a plan file that plans have to match, and the digest of the spec that
// they are made of.
type fileCheck struct {
	saved *SavedPlan
	spec  SpecDigest
}

// checked returns the plan when it matches the plan file; nil: there is none.
func (p *Plan) checked(f *fileCheck) (*Plan, error) {
	if f == nil {
		return p, nil
	}
	now, then := p.digest(), f.saved.Kernel
	var moved []string
	if f.spec.SHA256 != f.saved.Spec.SHA256 {
		moved = append(moved, fmt.Sprintf("%s was edited since", f.spec.File))
	}
	if now.Generation != then.Generation {
		moved = append(moved, fmt.Sprintf("the nftables ruleset was changed since, by any process: it is of generation %d, the plan was made of %d", now.Generation, then.Generation))
	}
	if now.IPVS != then.IPVS {
		moved = append(moved, "an IPVS service or real server was changed since")
	}
	if moved = append(moved, movedChanges(f.saved.Changes, p.Changes())...); len(moved) > 0 {
		return nil, &StalePlanError{moved}
	}
	p.file = f
	return p, nil
}

// movedLimit is how many changes are told one by one.
const movedLimit = 10

// movedChanges tells where the changes that are needed now differ from those of
// the plan.
func movedChanges(planned, now []Change) []string {
	lines := append(missing(planned, now, "no longer to be done: "), missing(now, planned, "to be done besides: ")...)
	if more := len(lines) - movedLimit; more > 0 {
		lines = append(lines[:movedLimit], fmt.Sprintf("and %d more", more))
	}
	return lines
}

func missing(changes, in []Change, prefix string) []string {
	known := make(map[Change]int, len(in))
	for _, c := range in {
		c.Impact = impact.Impact{} // connections come and go
		known[c]++
	}
	var lines []string
	for _, c := range changes {
		c.Impact = impact.Impact{}
		if known[c]--; known[c] < 0 {
			lines = append(lines, prefix+c.String())
		}
	}
	return lines
}

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

// ApplySaved does precisely what the plan says, or returns a *StalePlanError. The
// caller has read the spec that the plan names, and gives its digest.
func ApplySaved(ctx context.Context, saved *SavedPlan, spec *config.Spec, digest SpecDigest, opts Options) (*Result, error) {
	return commit(ctx, opts, saved.planner(ctx, spec, digest))
}

// Check compares the plan with the kernel and the spec, and returns a
// *StalePlanError where it is out of date.
func (s *SavedPlan) Check(ctx context.Context, spec *config.Spec, digest SpecDigest, opts Options) (*Result, error) {
	return inKernel(opts, func(e *engine) (*Result, error) {
		p, err := s.planner(ctx, spec, digest)(e)
		if err != nil {
			return nil, err
		}
		result := p.result()
		return result, opts.refuse(result.Changes)
	})
}

func (s *SavedPlan) planner(ctx context.Context, spec *config.Spec, digest SpecDigest) planner {
	return func(e *engine) (*plan, error) {
		e.digest = true
		p, err := e.plan(ctx, Known(spec))
		if err != nil {
			return nil, err
		}
		now := p.digest(e.opts.LockToken)
		var moved []string
		if digest.SHA256 != s.Spec.SHA256 {
			moved = append(moved, fmt.Sprintf("%s was edited since", digest.File))
		}
		if now.Generation != s.Kernel.Generation {
			moved = append(moved, fmt.Sprintf("the nftables ruleset was changed since, by any process: it is of generation %d, the plan was made of %d", now.Generation, s.Kernel.Generation))
		}
		if now.IPVS != s.Kernel.IPVS {
			moved = append(moved, "an IPVS service or real server was changed since")
		}
		if moved = append(moved, movedChanges(s.Changes, p.changes())...); len(moved) > 0 {
			return nil, &StalePlanError{moved}
		}
		return p, nil
	}
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

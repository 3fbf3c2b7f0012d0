package lvsmark

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// applyTries bounds how often apply plans again because somebody else changed
// the nftables ruleset, IPVS or addresses between plan and commit.
const applyTries = 5

// apply carries the plan out, or, where the kernel was changed since, one that is
// made again.
func (e *engine) apply(ctx context.Context, p *Plan) (*Plan, error) {
	for try := 1; ; try++ {
		err := e.applyOnce(ctx, p)
		switch {
		case err == nil:
			return p, nil
		case !isStale(err) || try == applyTries:
			return nil, err
		}
		if p, err = e.planAgain(ctx, p); err != nil {
			return nil, err
		}
	}
}

// isStale reports whether a plan came too late, and nothing of it is left.
func isStale(err error) bool {
	var undone *RollbackError
	stale := errors.Is(err, nft.ErrStale) || errors.Is(err, ipvs.ErrStale) || errors.Is(err, hostaddr.ErrStale)
	return stale && (!errors.As(err, &undone) || len(undone.Left) == 0)
}

func (e *engine) applyOnce(ctx context.Context, p *Plan) error {
	if p.live.Locked != nil && !e.locked() {
		return p.live.Locked
	}
	if d := p.single(); d != nil && !e.locked() {
		return e.applySingle(ctx, p, d)
	}
	if len(p.Changes()) == 0 {
		return nil
	}
	draining := e.opts.Drain > 0 && p.cuts()
	if !draining || e.opts.FailOn != impact.Cuts {
		if err := p.Refused(); err != nil {
			return err
		}
	}
	generation, err := e.acquire(p)
	if errors.Is(err, nft.ErrStale) {
		return e.acquireFirst(err)
	} else if err != nil {
		return err
	}
	if draining {
		return e.applyDraining(ctx, p, generation)
	}
	return e.applyLocked(ctx, p, generation)
}

// applyLocked carries the plan out. The caller must hold the lock, since when the
// ruleset is of that generation.
func (e *engine) applyLocked(ctx context.Context, p *Plan, generation uint32) error {
	if err := run(ctx, p.steps(e, generation), e.progress); err != nil {
		return err
	}
	return e.verify(p)
}

// locked reports whether others are kept from changing the namespace.
func (e *engine) locked() bool { return e.release != nil || e.opts.LockToken != nil }

// acquire takes the lock, and returns the generation of the ruleset afterwards. It
// wraps nft.ErrStale where another process changed the ruleset since it was read for
// the plan.
func (e *engine) acquire(p *Plan) (generation uint32, err error) {
	generation = p.live.Generation
	switch {
	case e.opts.LockToken != nil:
		return e.opts.LockToken.generation(generation)
	case e.release != nil: // by an earlier try
		return generation, nil
	}
	e.release, generation, err = e.Acquire(e.owner(), generation)
	return generation, err
}

// acquireFirst takes the lock whatever became of the ruleset, for a plan that is
// to be made again: somebody who keeps writing is faster than any plan. Where it
// has the lock, it returns the error that the plan was too late.
func (e *engine) acquireFirst(stale error) error {
	if e.locked() {
		return stale
	}
	release, _, err := e.Acquire(e.owner(), 0)
	if err != nil {
		return err
	}
	e.release = release
	return stale
}

// owner is what others are told who find the namespace locked.
func (e *engine) owner() string {
	owner := e.opts.LockOwner
	if owner == "" {
		owner = "apply"
	}
	return fmt.Sprintf("pid %d, %s, since %s", os.Getpid(), owner, e.clock.Now().UTC().Format(time.RFC3339))
}

// A VerifyError says that apply did all its steps, and that the kernel then held
// something else, or could not be read.
type VerifyError struct {
	Differences int
	Err         error // why the kernel could not be read; nil: it could
}

func (e *VerifyError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("applied, but it could not be read back: %v", e.Err)
	}
	return fmt.Sprintf("applied, but somebody else changed lvsmark's tables or services at the same time (%d differences): `lvsmark diff` shows them", e.Differences)
}

// Unwrap gives the cause.
func (e *VerifyError) Unwrap() error { return e.Err }

// verify reads back what the kernel holds after apply.
func (e *engine) verify(p *Plan) error {
	e.progress("read back")
	now, err := e.Snapshot()
	if err != nil {
		return &VerifyError{Err: err}
	}
	differences := len(nft.Compare(&now.Ruleset, p.settled).Changes())
	if len(p.services) > 0 {
		services, err := e.Services(keysOf(p.want)...)
		if err != nil {
			return &VerifyError{Err: err}
		}
		differences += len(ipvs.Diff(ofKeys(services, p.have, p.want), p.want))
	}
	if differences > 0 {
		return &VerifyError{Differences: differences}
	}
	return nil
}

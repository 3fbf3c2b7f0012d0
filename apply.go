package lvsmark

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// applyTries bounds the attempts to plan and apply. Another process can change the
// nftables ruleset, IPVS or addresses between plan and commit.
const applyTries = 5

// apply carries out the plan, and announces the VIPs that it has added.
func (e *engine) apply(ctx context.Context, p *Plan) (*Plan, error) {
	done, err := e.applyCurrent(ctx, p)
	e.repeatAnnouncements(ctx)
	if err != nil {
		return nil, e.announced.explain(err)
	}
	return done.carriedOut(e.announced.failures, e.lost), nil
}

// applyCurrent carries out the plan. If the kernel has changed since the plan, it plans
// again.
func (e *engine) applyCurrent(ctx context.Context, p *Plan) (*Plan, error) {
	for try := 1; ; try++ {
		stale := e.applyOnce(ctx, p)
		switch {
		case stale == nil:
			return p, nil
		case !isStale(stale) || try == applyTries:
			return nil, stale
		}
		var err error
		if p, err = e.planAgain(ctx, p); err != nil && errors.Is(stale, errDrained) {
			return nil, fmt.Errorf("%w; %w", errDrained, err)
		} else if err != nil {
			return nil, unchanged(ctx, err)
		}
	}
}

// isStale reports whether apply failed because the plan was out of date, and no change
// remains in the kernel.
func isStale(err error) bool {
	var undone *RollbackError
	stale := errors.Is(err, nft.ErrStale) || errors.Is(err, ipvs.ErrStale) || errors.Is(err, hostaddr.ErrStale)
	return stale && (!errors.As(err, &undone) || len(undone.Left) == 0)
}

func (e *engine) applyOnce(ctx context.Context, p *Plan) error {
	if p.live.Locked != nil && !e.locked() {
		return p.live.Locked
	}
	if d := p.transaction(); d != nil && !e.locked() {
		return e.applyTransaction(ctx, p, d)
	}
	if len(p.Changes()) == 0 {
		return nil
	}
	if err := p.Blocked(); err != nil {
		return err
	}
	draining := e.opts.Drain > 0 && p.removes()
	refused := p.Refused
	if draining && e.opts.FailOn == impact.Cuts {
		refused = p.refusedDrain
	}
	if err := refused(); err != nil {
		return err
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

// applyLocked carries out the plan. The caller must hold the lock; generation is the
// generation of the ruleset under the lock.
func (e *engine) applyLocked(ctx context.Context, p *Plan, generation uint32) error {
	if err := run(ctx, p.steps(e, generation), e.progress); err != nil {
		return err
	}
	return e.verify(p)
}

// locked reports whether this apply holds the lock.
func (e *engine) locked() bool { return e.release != nil || e.opts.LockToken != nil }

// acquire takes the lock, and returns the generation of the ruleset afterwards. The
// error wraps nft.ErrStale if another process changed the ruleset after the plan was made.
func (e *engine) acquire(p *Plan) (generation uint32, err error) {
	generation = p.live.Generation
	switch {
	case e.opts.LockToken != nil:
		return e.opts.LockToken.generation(generation)
	case e.release != nil: // taken by an earlier attempt
		return generation, nil
	}
	e.release, generation, err = e.Acquire(e.owner(), generation)
	return generation, err
}

// acquireFirst takes the lock at any generation of the ruleset, before the plan is made
// again: otherwise a process that writes continuously makes each plan out of date. It
// returns stale when it has the lock.
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

// owner returns the text in the lock, which other processes print.
func (e *engine) owner() string {
	owner := e.opts.LockOwner
	if owner == "" {
		owner = "apply"
	}
	return fmt.Sprintf("pid %d, %s, since %s", os.Getpid(), owner, e.clock.Now().UTC().Format(time.RFC3339))
}

// A VerifyError means that apply completed all steps, but the kernel then differed from
// the desired state, or could not be read.
type VerifyError struct {
	Differences int
	Err         error // why the kernel could not be read; nil: it was read
}

func (e *VerifyError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("applied, but it could not be read back: %v", e.Err)
	}
	return fmt.Sprintf("applied, but another process changed lvsmark's tables or services at the same time (%d differences): `lvsmark diff` shows them", e.Differences)
}

// Unwrap returns the cause.
func (e *VerifyError) Unwrap() error { return e.Err }

// verify compares the kernel with the plan after apply.
func (e *engine) verify(p *Plan) error {
	e.progress("read back")
	now, err := e.Snapshot()
	if err != nil {
		return &VerifyError{Err: err}
	}
	differences := 0
	if len(e.lost) == 0 {
		differences = len(nft.Compare(&now.Ruleset, p.settled).Changes())
	}
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

// transaction returns the changes of a plan that is a single nftables transaction; nil:
// the plan has more steps.
//
// Such a plan needs no lock, which protects a plan of several steps while it is
// incomplete. Compare-and-swap on the generation detects a change by another process,
// and the lock of another lvsmark, because taking the lock changes the generation.
func (p *Plan) transaction() *nft.Difference {
	if len(p.services) > 0 || len(p.settings.set)+len(p.settings.putBack) > 0 || !p.addresses.empty() {
		return nil
	}
	if p.intent != &p.live.Ruleset || p.settled != p.active || p.isRollback() {
		return nil
	}
	if d := nft.Compare(p.intent, p.active); d.IsAtomic() {
		return d
	}
	return nil
}

// applyTransaction carries out a plan of a single transaction. If the plan is out of
// date, it takes the lock before the plan is made again.
func (e *engine) applyTransaction(ctx context.Context, p *Plan, d *nft.Difference) error {
	if err := p.Refused(); err != nil {
		return err
	}
	// List the changes while the kernel works; see Plan.count.
	var listing sync.WaitGroup
	listing.Go(func() { p.changes() })
	err := run(ctx, []step{e.transactionStep(p, d)}, e.progress)
	listing.Wait()
	switch {
	case isStale(err):
		return e.acquireFirst(err)
	case err != nil:
		return err
	}
	return e.verify(p)
}

func (e *engine) transactionStep(p *Plan, d *nft.Difference) step {
	var failure error
	return step{
		name: "change the marks",
		do: func() error {
			_, failure = e.Commit(d, p.live.Generation)
			return failure
		},
		undo: func() (undoing, error) {
			if isStale(failure) {
				return undoing{}, nil
			}
			return e.undoTransaction(p)
		},
	}
}

// undoTransaction undoes the transaction if the kernel carried it out and only its answer
// was lost. It does nothing if lvsmark's tables have changed since.
func (e *engine) undoTransaction(p *Plan) (undoing, error) {
	if err := e.acquireFirst(nil); err != nil {
		return undoing{}, fmt.Errorf("it is unknown whether this was done: %w", err)
	}
	now, err := e.Snapshot()
	if err != nil {
		return undoing{}, fmt.Errorf("it is unknown whether this was done: %w", err)
	}
	if !nft.Compare(&now.Ruleset, p.settled).Empty() {
		return undoing{}, nil
	}
	return e.undoRuleset(&p.live.Ruleset, p.settled)
}

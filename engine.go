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

// Options say where and how the engine works. The zero value works in the
// network namespace of the calling process.
type Options struct {
	NetNS     string            // name below /run/netns, or a path; empty: the caller's own
	Adopt     bool              // take over IPVS services of the spec's marks that differ and are not in the ledger
	Drain     time.Duration     // let connections of what goes end first, so long at the most; 0: do not wait
	FailOn    impact.Effect     // refuse changes that do this to live traffic, or worse; empty: none
	LockOwner string            // who asks, for others who find the namespace locked: "apply"; at most 60 bytes
	LockToken *LockToken        // the lock is taken already; nil: take it
	Progress  func(step string) // called at the start of each step; nil: nobody listens
}

// A Result is what Plan found, or what Apply or Remove did.
type Result struct {
	Changes []Change // in the order of apply; empty: nothing to do
	Notes   []string // what the operator should know and lvsmark left alone
	// Warnings name what others do in this network namespace that keeps packets
	// from their mark or from IPVS. Only Plan and Apply look for it.
	Warnings []string
}

// Plan compares the spec with the kernel. It changes nothing outside a scratch
// network namespace.
func Plan(ctx context.Context, source Source, opts Options) (*Result, error) {
	return reading(ctx, source, func() (*Result, error) {
		return inKernel(opts, func(e *engine) (*Result, error) {
			p, err := e.plan(ctx, source)
			if err != nil {
				return nil, err
			}
			result := p.result()
			return result, opts.refuse(result.Changes)
		})
	})
}

// Apply makes the kernel match the spec. When a step fails it undoes those
// before it and returns a *RollbackError. When there is nothing to do it writes
// nothing to the kernel. It returns a *nft.LockedError when another process is
// at it.
func Apply(ctx context.Context, source Source, opts Options) (*Result, error) {
	return reading(ctx, source, func() (*Result, error) {
		return commit(ctx, opts, func(e *engine) (*plan, error) { return e.plan(ctx, source) })
	})
}

// Remove takes back all that Apply made. It needs no spec: what lvsmark owns
// is found in the kernel.
func Remove(ctx context.Context, opts Options) (*Result, error) {
	return commit(ctx, opts, func(e *engine) (*plan, error) { return e.planTo(ctx, nothing()) })
}

// An engine works in one kernel.
type engine struct {
	kernel
	clock    clock
	opts     Options
	progress func(string)
	release  func() error // gives the lock back; nil: it is not taken, or the caller's
	digest   bool         // plans get that of IPVS
}

func newEngine(k kernel, c clock, opts Options) *engine {
	e := &engine{kernel: k, clock: c, opts: opts, progress: opts.Progress}
	if e.progress == nil {
		e.progress = func(string) {}
	}
	return e
}

func (e *engine) close() {
	e.Close()
	if e.release != nil {
		_ = e.release()
	}
}

// inKernel calls f on a thread in the namespace.
func inKernel[T any](opts Options, f func(*engine) (T, error)) (result T, err error) {
	if err := checkPrivileges(); err != nil {
		return result, err
	}
	err = InNamespace(opts.NetNS, func() error {
		k, err := openKernel()
		if err != nil {
			return err
		}
		e := newEngine(k, systemClock{}, opts)
		defer e.close()
		result, err = f(e)
		return err
	})
	return result, err
}

// commitTries bounds how often apply plans anew because somebody else changed
// the nftables ruleset, IPVS or addresses between plan and commit.
const commitTries = 5

// A planner compares the kernel with what it is to be.
type planner func(*engine) (*plan, error)

func commit(ctx context.Context, opts Options, planner planner) (*Result, error) {
	return inKernel(opts, func(e *engine) (result *Result, err error) {
		for range commitTries {
			if result, err = e.once(ctx, planner); !isStale(err) {
				return result, err
			}
		}
		return nil, err
	})
}

// isStale reports whether a plan came too late, and nothing of it is left.
func isStale(err error) bool {
	var undone *RollbackError
	stale := errors.Is(err, nft.ErrStale) || errors.Is(err, ipvs.ErrStale) || errors.Is(err, hostaddr.ErrStale)
	return stale && (!errors.As(err, &undone) || len(undone.Left) == 0)
}

// once plans, and commits the plan.
func (e *engine) once(ctx context.Context, planner planner) (*Result, error) {
	p, err := planner(e)
	if err != nil {
		return nil, unchanged(ctx, err)
	}
	if p.live.Locked != nil && !e.locked() {
		return nil, p.live.Locked
	}
	if d := p.single(); d != nil && !e.locked() {
		return e.commitSingle(ctx, p, d)
	}
	result := p.result()
	if len(result.Changes) == 0 {
		return result, nil
	}
	draining := e.opts.Drain > 0 && p.cuts()
	if !draining || e.opts.FailOn != impact.Cuts {
		if err := e.opts.refuse(result.Changes); err != nil {
			return nil, err
		}
	}
	if err := e.acquire(p.live); errors.Is(err, nft.ErrStale) {
		return nil, e.acquireFirst(err)
	} else if err != nil {
		return nil, err
	}
	if draining {
		if p, err = e.drain(ctx, p, planner); err != nil {
			return nil, err
		}
		if err := e.opts.refuse(p.changes()); err != nil {
			return nil, fmt.Errorf("%w; %w", errDrained, err)
		}
	}
	if err := run(ctx, p.steps(e), e.progress); err != nil {
		if draining {
			err = fmt.Errorf("%w; %w", errDrained, err)
		}
		return nil, err
	}
	return result, e.check(p)
}

// unchanged says of an error that came of the context's end that nothing was done.
func unchanged(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && errors.Is(err, ended) {
		return fmt.Errorf("%w; nothing was changed", err)
	}
	return err
}

// locked reports whether others are kept from changing the namespace.
func (e *engine) locked() bool { return e.release != nil || e.opts.LockToken != nil }

// acquire takes the lock, unless somebody changed the ruleset since the
// snapshot, whose generation it brings up to date.
func (e *engine) acquire(s *nft.Snapshot) (err error) {
	if e.locked() {
		return nil
	}
	e.release, s.Generation, err = e.Acquire(e.owner(), s.Generation)
	return err
}

// acquireFirst takes the lock whatever became of the ruleset, for a plan that is
// to be made anew: somebody who keeps writing is faster than any plan. Where it
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

// A clock tells the time, and waits.
type clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time
}

type systemClock struct{}

var _ clock = systemClock{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

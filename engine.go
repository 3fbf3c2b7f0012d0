package lvsmark

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// Options say where and how the engine works. The zero value works in the
// network namespace of the calling process.
type Options struct {
	NetNS     string            // name below /run/netns, or a path; empty: the caller's own
	Adopt     bool              // take over IPVS services of the spec's marks that differ and are not in the ledger
	Drain     time.Duration     // let connections of what goes end first, so long at the most; 0: do not wait
	FailOn    Effect            // refuse changes that do this to live traffic, or worse; empty: none
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
func Plan(_ context.Context, source Source, opts Options) (*Result, error) {
	return reading(source, func() (*Result, error) {
		return inKernel(opts, func(k *kernel) (*Result, error) {
			p, err := k.plan(source)
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
	return reading(source, func() (*Result, error) {
		return commit(ctx, opts, func(k *kernel) (*plan, error) { return k.plan(source) })
	})
}

// Remove takes back all that Apply made. It needs no spec: what lvsmark owns
// is found in the kernel.
func Remove(ctx context.Context, opts Options) (*Result, error) {
	return commit(ctx, opts, (*kernel).removal)
}

// commitTries bounds how often apply plans anew because somebody else changed
// the nftables ruleset, IPVS or addresses between plan and commit.
const commitTries = 5

// A planner compares the kernel with what it is to be.
type planner func(*kernel) (*plan, error)

func commit(ctx context.Context, opts Options, planner planner) (*Result, error) {
	return inKernel(opts, func(k *kernel) (result *Result, err error) {
		for range commitTries {
			if result, err = k.once(ctx, planner); !isStale(err) {
				return result, err
			}
		}
		return nil, err
	})
}

// inKernel calls f on a thread in the namespace.
func inKernel[T any](opts Options, f func(*kernel) (T, error)) (result T, err error) {
	if err := checkPrivileges(); err != nil {
		return result, err
	}
	err = InNamespace(opts.NetNS, func() error {
		k, err := openKernel(opts)
		if err != nil {
			return err
		}
		defer k.close()
		result, err = f(k)
		return err
	})
	return result, err
}

// isStale reports whether a plan came too late, and nothing of it is left.
func isStale(err error) bool {
	var undone *RollbackError
	stale := errors.Is(err, nft.ErrStale) || errors.Is(err, ipvs.ErrStale) || errors.Is(err, hostaddr.ErrStale)
	return stale && (!errors.As(err, &undone) || len(undone.Left) == 0)
}

// once plans, and commits the plan.
func (k *kernel) once(ctx context.Context, planner planner) (*Result, error) {
	p, err := planner(k)
	if err != nil {
		return nil, err
	}
	if p.live.Locked != nil && !k.locked() {
		return nil, p.live.Locked
	}
	if d := p.single(); d != nil && !k.locked() {
		return k.commitSingle(ctx, p, d)
	}
	result := p.result()
	if len(result.Changes) == 0 {
		return result, nil
	}
	draining := k.opts.Drain > 0 && p.cuts()
	if !draining || k.opts.FailOn != Cuts {
		if err := k.opts.refuse(result.Changes); err != nil {
			return nil, err
		}
	}
	if err := k.acquire(p.live); errors.Is(err, nft.ErrStale) {
		return nil, k.acquireFirst(err)
	} else if err != nil {
		return nil, err
	}
	if draining {
		if p, err = k.drain(ctx, p, planner); err != nil {
			return nil, err
		}
		if err := k.opts.refuse(p.changes()); err != nil {
			return nil, fmt.Errorf("%w; %w", errDrained, err)
		}
	}
	if err := run(ctx, p.steps(k), k.progress); err != nil {
		if draining {
			err = fmt.Errorf("%w; %w", errDrained, err)
		}
		return nil, err
	}
	return result, k.check(p)
}

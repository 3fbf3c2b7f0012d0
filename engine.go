package lvsmark

import (
	"context"
	"errors"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// Options say where and how the engine works. The zero value works in the
// network namespace of the calling process.
type Options struct {
	NetNS    string            // name below /run/netns, or a path; empty: the caller's own
	Adopt    bool              // take over IPVS services of the spec's marks that differ and are not in the ledger
	Progress func(step string) // called at the start of each step; nil: nobody listens
}

// A Result is what Plan found, or what Apply or Remove did.
type Result struct {
	Changes []Change // in the order of apply; empty: nothing to do
	Notes   []string // what the operator should know and lvsmark left alone
}

// Plan compares the spec with the kernel. It changes nothing outside a scratch
// network namespace.
func Plan(ctx context.Context, spec *config.Spec, opts Options) (*Result, error) {
	return work(ctx, opts, func(k *kernel) (*plan, error) { return k.plan(spec) }, false)
}

// Apply makes the kernel match the spec. When a step fails it undoes those
// before it and returns an *UndoneError. When there is nothing to do it writes
// nothing to the kernel.
func Apply(ctx context.Context, spec *config.Spec, opts Options) (*Result, error) {
	return work(ctx, opts, func(k *kernel) (*plan, error) { return k.plan(spec) }, true)
}

// Remove takes back all that Apply made. It needs no spec: what lvsmark owns
// is found in the kernel.
func Remove(ctx context.Context, opts Options) (*Result, error) {
	return work(ctx, opts, (*kernel).removal, true)
}

// commitTries bounds how often apply plans anew because somebody else changed
// the nftables ruleset between plan and commit.
const commitTries = 5

func work(ctx context.Context, opts Options, planner func(*kernel) (*plan, error), commit bool) (*Result, error) {
	if err := checkPrivileges(); err != nil {
		return nil, err
	}
	var result *Result
	err := inNamespace(opts.NetNS, func() (err error) {
		k, err := openKernel(opts)
		if err != nil {
			return err
		}
		defer k.close()
		for range commitTries {
			if result, err = k.once(ctx, planner, commit); !isStale(err) {
				return err
			}
		}
		return err
	})
	return result, err
}

// isStale reports whether a plan came too late, and nothing of it is left.
func isStale(err error) bool {
	var undone *UndoneError
	return errors.Is(err, nft.ErrStale) && (!errors.As(err, &undone) || len(undone.Left) == 0)
}

// once plans, and commits the plan.
func (k *kernel) once(ctx context.Context, planner func(*kernel) (*plan, error), commit bool) (*Result, error) {
	p, err := planner(k)
	if err != nil {
		return nil, err
	}
	result := &Result{Changes: p.changes(), Notes: p.notes}
	if !commit || len(result.Changes) == 0 {
		return result, nil
	}
	if err := run(ctx, p.steps(k), k.progress); err != nil {
		return nil, err
	}
	return result, k.check(p)
}

package lvsmark

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/lvsmark/lvsmark/nft"
)

// single is the plan where it is one transaction of nftables and nothing else; nil:
// there is more to do.
//
// Such a plan needs no lock. Who has the lock keeps others away from what is half
// done, and one transaction never is; that nobody came in between, compare-and-swap
// tells, the lock of another lvsmark included: to take it changes the generation.
func (p *Plan) single() *nft.Difference {
	if len(p.services) > 0 || len(p.settings.set)+len(p.settings.putBack) > 0 || len(p.addresses.come)+len(p.addresses.gone) > 0 {
		return nil
	}
	if p.intent != &p.live.Ruleset || p.settled != p.active {
		return nil
	}
	if d := nft.Compare(p.intent, p.active); d.IsAtomic() {
		return d
	}
	return nil
}

// applySingle carries such a plan out. When it came too late it takes the lock, for a
// plan that is to be made again.
func (e *engine) applySingle(ctx context.Context, p *Plan, d *nft.Difference) error {
	if err := p.Refused(); err != nil {
		return err
	}
	// The list is written while the kernel works; see Plan.count.
	var listing sync.WaitGroup
	listing.Go(func() { p.changes() })
	err := run(ctx, []step{e.singleStep(p, d)}, e.progress)
	listing.Wait()
	switch {
	case isStale(err):
		return e.acquireFirst(err)
	case err != nil:
		return err
	}
	return e.verify(p)
}

func (e *engine) singleStep(p *Plan, d *nft.Difference) step {
	var failure error
	return step{
		name: "change the marks",
		do: func() error {
			_, failure = e.Commit(d, p.live.Generation)
			return failure
		},
		undo: func() error {
			if isStale(failure) {
				return nil
			}
			return e.undoSingle(p)
		},
	}
}

// undoSingle takes the transaction back where the kernel has carried it out and
// only its answer was lost. What others did since stays.
func (e *engine) undoSingle(p *Plan) error {
	if err := e.acquireFirst(nil); err != nil {
		return fmt.Errorf("it cannot be told whether that was done: %w", err)
	}
	now, err := e.Snapshot()
	if err != nil {
		return fmt.Errorf("it cannot be told whether that was done: %w", err)
	}
	if !nft.Compare(&now.Ruleset, p.settled).Empty() {
		return nil
	}
	if err := e.Restore(&p.live.Ruleset); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(tables(&p.live.Ruleset, p.settled), ", "), err)
	}
	return nil
}

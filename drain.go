package lvsmark

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// ErrDrainInterrupted means that a drain ended before the connections did.
var ErrDrainInterrupted = errors.New("drain interrupted: removed real servers keep weight 0, added ones stay; the next apply continues")

// errDrained precedes an error that follows a drain. The drain itself is not undone.
var errDrained = errors.New("drained, but not applied: removed real servers keep weight 0, added ones stay; the next apply continues")

// drainPoll is the time between two counts of the remaining connections.
const drainPoll = time.Second

// applyDraining drains the real servers that the plan removes, and then carries out the
// plan. The caller must hold the lock; generation is the generation of the ruleset under
// the lock.
func (e *engine) applyDraining(ctx context.Context, p *Plan, generation uint32) error {
	rest, err := e.drain(ctx, p, generation)
	if err != nil {
		return err
	}
	if err = rest.Refused(); err == nil {
		err = e.applyLocked(ctx, rest, rest.live.Generation)
	}
	if _, applied := errors.AsType[*VerifyError](err); err == nil || applied {
		return err
	}
	return fmt.Errorf("%w; %w", errDrained, err)
}

// drain makes the additions and edits of the plan, sets the weight of removed real
// servers to 0, and waits until they have no connections, at most for Options.Drain. It
// returns the plan of the remaining changes.
func (e *engine) drain(ctx context.Context, p *Plan, generation uint32) (*Plan, error) {
	if err := run(ctx, p.deferred().steps(e, generation), e.progress); err != nil {
		return nil, err
	}
	e.repeatAnnouncements(ctx)
	if err := e.awaitEnd(ctx, p); errors.Is(err, ErrDrainInterrupted) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w; %w", errDrained, err)
	}
	rest, err := e.planAgain(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("%w; %w", errDrained, err)
	}
	return rest, nil
}

// deferred returns the plan without removals: removed real servers get weight 0, removed
// VIPs and marks stay. A running session needs the marks for its next data connection,
// which must reach the real server of the control connection.
func (p *Plan) deferred() *Plan {
	d := &Plan{live: p.live, settings: settingsPlan{set: p.settings.set}, addresses: addressPlan{lifetimes: p.addresses.lifetimes}}
	both := joinedLedgers(p.state.ledger, p.active.Ledger())
	shards := newShardDrain(both, p.services)
	for _, c := range p.services {
		if c.Op == ipvs.DelDestination && c.Before.Weight > 0 && !shards.isShard(c) {
			drained := c.Before
			drained.Weight = 0
			c = ipvs.Change{Op: ipvs.EditDestination, Service: c.Service, Before: c.Before, After: drained}
		}
		if !c.Disrupts() && !shards.waits(c) {
			d.services = append(d.services, c)
		}
	}
	extended, ok := nft.MergeElements(&p.live.Ruleset, p.settled)
	if ok {
		d.addresses.added = p.addresses.added
	} else {
		extended = &p.live.Ruleset // the rules differ: change them, and add VIPs, after the drain
	}
	d.intent = p.live.WithLedger(both, extended)
	d.active = extended.WithLedger(both, extended)
	d.settled = d.active
	return d
}

// awaitEnd waits until removed real servers have no connections. It does not wait for
// persistence templates: a template without a connection only records the real server of
// a client.
func (e *engine) awaitEnd(ctx context.Context, p *Plan) error {
	deadline := e.clock.Now().Add(e.opts.Drain)
	reported := ""
	for {
		found, text, err := e.remaining(p)
		if err != nil {
			return err
		}
		if !found {
			return nil
		}
		if text != reported {
			e.progress("drain: " + text)
			reported = text
		}
		select {
		case <-ctx.Done():
		case <-e.clock.After(min(drainPoll, deadline.Sub(e.clock.Now()))):
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("%w; %s", ErrDrainInterrupted, text)
		case !e.clock.Now().Before(deadline):
			return nil
		}
	}
}

// remaining reports whether the plan would still cut connections, and describes them.
func (e *engine) remaining(p *Plan) (found bool, text string, err error) {
	services, err := e.Services(keysOf(p.have)...)
	if err != nil {
		return false, "", err
	}
	now := *p
	now.have = ofKeys(services, p.have)
	r := impact.RemainingConnections(now.impactInput(nil, e.kernel))
	return r.Any(), r.String(), nil
}

// shardDrain is what a drain needs to know of passive shards. A drained real server keeps
// its shard, with its weight, until its sessions have ended: they open further data
// connections. A real server that gets its shard is added after that.
type shardDrain struct {
	ledger   nft.Ledger                     // of both states
	waiting  map[string]map[netip.Addr]bool // by cluster: real servers that get a shard of a removed one
	removals map[ipvs.Key]bool              // shards from which a real server is removed
}

func newShardDrain(ledger nft.Ledger, changes []ipvs.Change) shardDrain {
	s := shardDrain{ledger, map[string]map[netip.Addr]bool{}, map[ipvs.Key]bool{}}
	for _, c := range changes {
		if c.Op == ipvs.DelDestination && s.isShard(c) {
			s.removals[c.Service.Key] = true
		}
	}
	for _, c := range changes {
		if c.Op == ipvs.AddDestination && s.removals[c.Service.Key] {
			cluster := s.clusterOf(c)
			if s.waiting[cluster] == nil {
				s.waiting[cluster] = map[netip.Addr]bool{}
			}
			s.waiting[cluster][c.After.Address] = true
		}
	}
	return s
}

func (s shardDrain) nameOf(c ipvs.Change) string {
	return s.ledger.Bound[nft.BoundMark{Family: c.Service.Family, Mark: c.Service.Mark}]
}

func (s shardDrain) clusterOf(c ipvs.Change) string {
	cluster, _ := config.SplitBindingName(s.nameOf(c))
	return cluster
}

func (s shardDrain) isShard(c ipvs.Change) bool {
	_, shard := config.SplitBindingName(s.nameOf(c))
	return shard
}

// waits reports whether the change adds a real server whose shard another one still has.
func (s shardDrain) waits(c ipvs.Change) bool {
	return c.Op == ipvs.AddDestination && s.waiting[s.clusterOf(c)][c.After.Address]
}

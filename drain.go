package lvsmark

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lvsmark/lvsmark/internal/drain"
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

// refusedDrain returns an *ImpactError for changes whose effect a drain does not prevent: edits and
// additions of services and settings, which it carries out first, and removals that move sessions
// of other real servers. The rest is asked for when the drain has ended.
func (p *Plan) refusedDrain() error {
	return p.impactError(func(c Change) bool {
		isFirst := c.Op != Delete && (c.Kind == "service" || c.Kind == "real-server" || c.Kind == "setting")
		return isFirst || c.Impact.Reassigns
	})
}

// isDrained reports whether a drain prevents the effect of the change.
func (c Change) isDrained() bool {
	return c.Op == Delete && c.Kind == "real-server" && !c.Impact.Reassigns
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

// A ServerDrain is the result of DrainServer.
type ServerDrain struct {
	Plan  *Plan // the changes of weights, carried out
	Ended bool  // the real server has no connections, and no client returns to it
	Left  drain.Remaining
}

// DrainServer sets the weight of a real server to 0 in all services of its cluster, records
// that in the ledger, and waits until its connections have ended and no client returns to
// it, at most for the time limit (0: none). It waits without the lock. If the context ends or
// the services cannot be read, the weight stays 0, and the error wraps drain.ErrStopped.
func DrainServer(ctx context.Context, source Source, opts Options, name drain.Name, limit time.Duration) (*ServerDrain, error) {
	return reading(source, func() (*ServerDrain, error) {
		return inKernel(opts, func(e *engine) (*ServerDrain, error) { return e.drainServer(ctx, source, name, limit) })
	})
}

// RestoreServer gives a real server the weight in the spec, and removes the record of
// DrainServer.
func RestoreServer(ctx context.Context, source Source, opts Options, name drain.Name) (*Plan, error) {
	return reading(source, func() (*Plan, error) {
		return inKernel(opts, func(e *engine) (*Plan, error) {
			p, _, err := e.setWeights(ctx, source, name, drain.Servers.Restore)
			return p, err
		})
	})
}

func (e *engine) drainServer(ctx context.Context, source Source, name drain.Name, limit time.Duration) (*ServerDrain, error) {
	p, servers, err := e.setWeights(ctx, source, name, drain.Servers.Drain)
	if err != nil {
		return nil, err
	}
	if release := e.release; release != nil {
		e.release = nil
		if err := release(); err != nil {
			return nil, fmt.Errorf("%w; %w", drain.ErrStopped, err)
		}
	}
	p.notes = append(p.notes, servers.Notes(p.have, drain.IgnoresTemplates(e))...)
	d := &ServerDrain{Plan: p}
	d.Left, d.Ended, err = servers.Await(ctx, drain.Wait{Kernel: e, Clock: e.clock, Poll: drainPoll, Limit: limit, Progress: e.progress})
	return d, err
}

// A weighing plans the weights of real servers.
type weighing func(drain.Servers, nft.Ledger, []ipvs.VirtualService) (drain.Weights, error)

// setWeights sets the weights of a real server. If another process changes the ruleset or
// the service meanwhile, it plans again.
func (e *engine) setWeights(ctx context.Context, source Source, name drain.Name, weigh weighing) (*Plan, drain.Servers, error) {
	spec, err := source()
	if err != nil {
		return nil, drain.Servers{}, err
	}
	servers, err := drain.Find(spec, name)
	if err != nil {
		return nil, servers, err
	}
	for try := 1; ; try++ {
		p, err := e.planWeights(servers, weigh)
		if err == nil {
			p.spec = spec
			p.count(e.kernel)
			err = e.applyWeights(ctx, p)
		}
		if !isStale(err) || try == applyTries {
			return p, servers, err
		}
	}
}

// planWeights plans the weights of a real server, and nothing else of the spec. A record is
// made before the weight changes, and deleted afterwards.
func (e *engine) planWeights(servers drain.Servers, weigh weighing) (*Plan, error) {
	live, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	ledger := live.Ledger()
	services, err := e.Services(boundKeys(ledger)...)
	if err != nil {
		return nil, err
	}
	w, err := weigh(servers, ledger, services)
	if err != nil {
		return nil, err
	}
	p := &Plan{opts: e.opts, live: live, state: &State{ruleset: live, ledger: ledger}, have: w.Have, want: w.Want, services: w.Changes}
	p.intent = live.WithLedger(joinedLedgers(ledger, w.Ledger), &live.Ruleset)
	p.active, p.settled = p.intent, live.WithLedger(w.Ledger, &live.Ruleset)
	return p, nil
}

func (e *engine) applyWeights(ctx context.Context, p *Plan) error {
	if p.live.Locked != nil && !e.locked() {
		return p.live.Locked
	}
	if len(p.Changes()) == 0 {
		return nil
	}
	generation, err := e.acquire(p)
	if errors.Is(err, nft.ErrStale) {
		return e.acquireFirst(err)
	} else if err != nil {
		return err
	}
	return run(ctx, p.steps(e, generation), e.progress)
}

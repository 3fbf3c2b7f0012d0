package lvsmark

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// ErrDrainInterrupted says that a drain ended before the connections did.
var ErrDrainInterrupted = errors.New("drain interrupted: removed real servers keep weight 0, added ones are there; the next apply goes on from here")

// errDrained goes before the error of what came after a drain, which has changed
// something.
var errDrained = errors.New("drained, but not done: removed real servers keep weight 0, added ones are there, the next apply goes on from here")

// drainPoll is how often a drain looks whether the connections have ended.
const drainPoll = time.Second

// applyDraining carries the plan out after the real servers that it takes away have
// been drained. The caller must hold the lock, since when the ruleset is of that
// generation.
func (e *engine) applyDraining(ctx context.Context, p *Plan, generation uint32) error {
	rest, err := e.drain(ctx, p, generation)
	if err != nil {
		return err
	}
	err = rest.Refused()
	if err == nil {
		err = e.applyLocked(ctx, rest, rest.live.Generation)
	}
	if _, applied := errors.AsType[*VerifyError](err); err == nil || applied {
		return err
	}
	return fmt.Errorf("%w; %w", errDrained, err)
}

// drain makes what the plan adds and edits, sets the weight of what it takes
// away to 0, and waits until no connection is left there, or for as long as the
// options say. It returns the plan of what remains to be done.
func (e *engine) drain(ctx context.Context, p *Plan, generation uint32) (*Plan, error) {
	if err := run(ctx, p.deferred().steps(e, generation), e.progress); err != nil {
		return nil, err
	}
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

// deferred is the plan without what takes away: servers that go get weight 0,
// VIPs and marks that go stay. Marks are looked at by the packets of running
// sessions too, whose data connections are to follow their control connection.
func (p *Plan) deferred() *Plan {
	d := &Plan{live: p.live, settings: settingsPlan{set: p.settings.set}}
	for _, c := range p.services {
		if c.Op == ipvs.DelDestination && c.Before.Weight > 0 {
			quiet := c.Before
			quiet.Weight = 0
			c = ipvs.Change{Op: ipvs.EditDestination, Service: c.Service, Before: c.Before, After: quiet}
		}
		if !c.Disrupts() {
			d.services = append(d.services, c)
		}
	}
	both := joinedLedgers(p.state.ledger, p.active.Ledger())
	extended, ok := nft.Extend(&p.live.Ruleset, p.settled)
	if ok {
		d.addresses.come = p.addresses.come
	} else {
		extended = &p.live.Ruleset // rules differ: they wait, and with them what needs them
	}
	d.intent = p.live.WithLedger(both, extended)
	d.active = extended.WithLedger(both, extended)
	d.settled = d.active
	return d
}

// awaitEnd waits until the real servers that the plan takes away have no
// connection that is under way. Persistence templates are not waited for: while
// a client has no connection they hold nothing but the memory of which server it
// was on.
func (e *engine) awaitEnd(ctx context.Context, p *Plan) error {
	deadline := e.clock.Now().Add(e.opts.Drain)
	said := ""
	for {
		left, text, err := e.left(p)
		if err != nil {
			return err
		}
		if !left {
			return nil
		}
		if text != said {
			e.progress("drain: " + text)
			said = text
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

// left reports whether the plan would still cut connections, and which.
func (e *engine) left(p *Plan) (left bool, text string, err error) {
	services, err := e.Services(keysOf(p.have)...)
	if err != nil {
		return false, "", err
	}
	now := *p
	now.have = ofKeys(services, p.have)
	remaining := impact.RemainingConnections(now.impactInput(nil, e.kernel))
	return remaining.Any(), remaining.String(), nil
}

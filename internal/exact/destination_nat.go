package exact

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// This file follows packets to VIPs whose destination a rule translates: later chains, IPVS and
// what is behind it see the new address and port. Each such action has what is left of the
// program behind the chains of type nat, for its destination.

// A remainder is the chains behind the translation of destinations.
type remainder struct {
	*program
	asksOriginal *oldconfig.Rule // a rule that needs the destination before the translation; nil: none
}

// remainderOf returns the compiled chains as a remainder; nil if no rule translates a destination.
func (c *compiler) remainderOf(rest []baseChain, side Side) *remainder {
	r := &remainder{}
	translates := false
	for _, chain := range side.Chains {
		if chain.Family == c.family {
			translates = translates || translatesDestination(chain)
			if i := slices.IndexFunc(chain.Rules, asksOriginal); i >= 0 {
				r.asksOriginal = chain.Rules[i]
			}
		}
	}
	if !translates {
		return nil
	}
	r.program = c.interner.program(rest)
	return r
}

func translatesDestination(c *oldconfig.Chain) bool {
	return slices.ContainsFunc(c.Rules, func(r *oldconfig.Rule) bool {
		for at := r; at != nil; at = at.Then {
			if slices.ContainsFunc(at.Actions, func(a oldconfig.Action) bool { return a.Kind == oldconfig.TranslateDestination }) {
				return true
			}
		}
		return false
	})
}

// asksOriginal reports whether a rule needs the destination to which the client has connected.
func asksOriginal(r *oldconfig.Rule) bool {
	for at := r; at != nil; at = at.Then {
		if slices.ContainsFunc(at.Matches, func(m oldconfig.Match) bool {
			return m.Field == oldconfig.OriginalDestination || m.Field == oldconfig.OriginalDestinationPort
		}) || slices.ContainsFunc(at.Actions, func(a oldconfig.Action) bool { return a.ToOriginal }) {
			return true
		}
	}
	return false
}

// translated returns the remainder for packets whose destination the action has translated. What
// a sweep leaves of a rule has the origin of the first equal rule, so Follow needs no sweep: it
// tests the destination that the packet gets.
func (c *compiler) translated(a *oldconfig.Action, r *oldconfig.Rule) *program {
	p := c.rest.program
	if original := c.rest.asksOriginal; original != nil {
		return c.withUnknown(c.withUnknown(p, destination, original), destinationPort, original)
	}
	switch to, known := newAddress(a); {
	case known && c.follows:
	case known:
		p = c.specialised(p, destination, to)
	case a.ToDevice || len(a.To) > 0:
		p = c.withUnknown(p, destination, r)
	}
	switch port, known := newPort(a); {
	case known && c.follows:
	case known:
		p = c.specialised(p, destinationPort, port)
	case len(a.ToPorts) > 0:
		p = c.withUnknown(p, destinationPort, r)
	}
	return p
}

// newAddress returns the address that all packets get; false: there are several, or it stays.
func newAddress(a *oldconfig.Action) (oldconfig.Number, bool) {
	if len(a.To) != 1 || a.To[0].Low != a.To[0].High || a.ToDevice {
		return oldconfig.Number{}, false
	}
	return a.To[0].Low, true
}

// newPort does so for the port.
func newPort(a *oldconfig.Action) (oldconfig.Number, bool) {
	if len(a.ToPorts) != 1 || a.ToPorts[0].Low != a.ToPorts[0].High {
		return oldconfig.Number{}, false
	}
	return a.ToPorts[0].Low, true
}

func (in *interner) specialised(p *program, f field, value oldconfig.Number) *program {
	s := newSweep(in, f)
	s.moveTo(value)
	return s.program(p)
}

// withUnknown returns the program for packets of which the rule has made a field unknown.
func (c *compiler) withUnknown(p *program, f field, because *oldconfig.Rule) *program {
	u := &unknownTests{compiler: c, field: f, because: because, done: map[*block]*block{}}
	chains := slices.Clone(p.chains)
	for i := range chains {
		chains[i].block = u.block(chains[i].block)
	}
	return c.interner.program(chains)
}

// An unknownTests replaces tests of a field by tests whose result is not known.
type unknownTests struct {
	*compiler
	field   field
	because *oldconfig.Rule
	done    map[*block]*block
}

func (u *unknownTests) block(b *block) *block {
	if !b.uses.has(u.field) {
		return b
	}
	if known := u.done[b]; known != nil {
		return known
	}
	rules := make([]*rule, len(b.rules))
	for i, r := range b.rules {
		rules[i] = u.rule(r)
	}
	u.done[b] = u.compiler.block(rules)
	return u.done[b]
}

func (u *unknownTests) rule(r *rule) *rule {
	if !r.uses.has(u.field) {
		return r
	}
	segments := make([]segment, len(r.segments))
	for i, s := range r.segments {
		segments[i].dynamic = slices.Clone(s.dynamic)
		for _, t := range s.tests {
			if t.field == u.field {
				segments[i].dynamic = append(segments[i].dynamic, u.test(t))
			} else {
				segments[i].tests = append(segments[i].tests, t)
			}
		}
		for _, a := range s.actions {
			segments[i].actions = append(segments[i].actions, u.action(a))
		}
	}
	return u.compiler.rule(segments, r.origin)
}

// test returns the same test, with the same unknown result on both sides.
func (u *unknownTests) test(t test) *dynamicTest {
	return u.dynamicTest(fmt.Sprintf("translated %d %d %d", u.numberOf(u.because), t.field, t.values.id), &dynamicTest{
		field: oldconfig.NotUnderstood, origin: u.because, text: "the destination after a translation",
		reason: "what becomes of packets depends on the destination behind it, which is not known",
	})
}

func (u *unknownTests) action(a *action) *action {
	switch {
	case !a.uses().has(u.field):
		return a
	case a.target != nil:
		return u.withTarget(a, u.block(a.target))
	case a.services != nil:
		return a // the servers with their own ports are then compared for all ports
	}
	opaque := oldconfig.Action{Kind: oldconfig.Opaque}
	return u.compiler.action(fmt.Sprintf("opaque %d", u.numberOf(u.because)), &action{Action: opaque, port: -1, origin: u.because})
}

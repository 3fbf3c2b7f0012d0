package draft

import (
	"math"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// conditions are what holds for packets at a rule.
type conditions struct {
	matches []oldconfig.Match
	taken   []taken
}

// taken is packets that a rule takes out of the chain, by their ports.
type taken struct {
	protocol     config.Protocol
	destinations []oldconfig.Range // nil: any
	ports        []oldconfig.Range
}

// and returns the conditions with those of a part of a rule.
func (c conditions) and(matches ...oldconfig.Match) conditions {
	c.matches = append(slices.Clip(c.matches), matches...)
	return c
}

// behind returns the conditions of packets that a rule leaves in the chain.
func (c conditions) behind(r *oldconfig.Rule) conditions {
	if only, ok := left(r); ok {
		return c.and(only)
	}
	if t, ok := takenBy(r); ok {
		c.taken = append(slices.Clip(c.taken), t)
	}
	return c
}

// leaves reports whether a rule does nothing but take packets out of the chain.
func leaves(r *oldconfig.Rule) bool {
	if len(r.Actions) != 1 || r.Then != nil {
		return false
	}
	k := r.Actions[0].Kind
	return k == oldconfig.Accept || k == oldconfig.Drop || k == oldconfig.Return
}

// takenBy returns the packets that a rule takes out of the chain, if it tests the protocol,
// ports and destination alone.
func takenBy(r *oldconfig.Rule) (t taken, ok bool) {
	if !leaves(r) {
		return t, false
	}
	for _, m := range r.Matches {
		switch {
		case m.Field == oldconfig.Protocol && !m.Not && len(m.In) == 1 && m.In[0].Low == m.In[0].High && t.protocol == 0:
			t.protocol = config.Protocol(m.In[0].Low.Low)
		case m.Field == oldconfig.Destination && !m.Not && t.destinations == nil:
			t.destinations = m.In
		case m.Field == oldconfig.DestinationPort && t.ports == nil:
			if t.ports = m.In; m.Not {
				t.ports = withoutPorts([]oldconfig.Range{allPorts()}, m.In)
			}
		default:
			return t, false
		}
	}
	return t, t.protocol != 0 && t.ports != nil
}

func allPorts() oldconfig.Range {
	return portNumbers(0, math.MaxUint16)
}

// withoutPorts returns the ports of a list that no range of the other contains.
func withoutPorts(list, removed []oldconfig.Range) []oldconfig.Range {
	for _, r := range removed {
		var rest []oldconfig.Range
		for _, p := range list {
			both, ok := p.Intersect(r)
			if !ok {
				rest = append(rest, p)
				continue
			}
			if p.Low.Low < both.Low.Low {
				rest = append(rest, oldconfig.Range{Low: p.Low, High: oldconfig.Number{Low: both.Low.Low - 1}})
			}
			if both.High.Low < p.High.Low {
				rest = append(rest, oldconfig.Range{Low: oldconfig.Number{Low: both.High.Low + 1}, High: p.High})
			}
		}
		list = rest
	}
	return list
}

// notTaken returns the ports of packets to the destinations that no rule ahead has taken.
func (c conditions) notTaken(ports []config.PortRange, destinations []oldconfig.Range) []config.PortRange {
	for _, t := range c.taken {
		if !t.covers(destinations) {
			continue
		}
		ports = exceptPorts(ports, t.protocol, t.ports)
	}
	return ports
}

// exceptPorts returns the ports without those of the protocol that are removed.
func exceptPorts(ports []config.PortRange, of config.Protocol, removed []oldconfig.Range) []config.PortRange {
	var rest []config.PortRange
	for _, p := range ports {
		if p.Protocol != of {
			rest = append(rest, p)
			continue
		}
		for _, r := range withoutPorts([]oldconfig.Range{portNumbers(p.Low, p.High)}, removed) {
			rest = append(rest, config.PortRange{Protocol: of, Low: uint16(r.Low.Low), High: uint16(r.High.Low)})
		}
	}
	return rest
}

func portNumbers(low, high uint16) oldconfig.Range {
	return oldconfig.Range{Low: oldconfig.Number{Low: uint64(low)}, High: oldconfig.Number{Low: uint64(high)}}
}

// covers reports whether a rule takes packets to all of the destinations.
func (t taken) covers(destinations []oldconfig.Range) bool {
	return t.destinations == nil || destinations != nil && !slices.ContainsFunc(destinations, func(d oldconfig.Range) bool {
		return !slices.ContainsFunc(t.destinations, func(r oldconfig.Range) bool { return r.Contains(d) })
	})
}

// left returns what holds for packets behind a rule that takes all packets of other
// protocols out of the chain, all packets of TCP without SYN, or packets of link-layer senders.
func left(r *oldconfig.Rule) (oldconfig.Match, bool) {
	if !leaves(r) {
		return oldconfig.Match{}, false
	}
	if m, ok := leftByMAC(r); ok {
		return m, true
	}
	matches := slices.DeleteFunc(slices.Clone(r.Matches), isTCP)
	if len(matches) != 1 {
		return oldconfig.Match{}, false
	}
	m := matches[0]
	switch m.Field {
	case oldconfig.Protocol:
		m.Not = false
		return m, matches[0].Not && len(r.Matches) == 1
	case oldconfig.TCPFlags:
		const syn, ack = 0x02, 0x10
		m.Not = !m.Not
		holds := func(flags uint32) bool { return holdsFor(m, oldconfig.Number{Low: uint64(flags & m.Mask)}) }
		return m, holds(syn) && !holds(ack)
	}
	return m, false
}

// leftByMAC returns what holds behind a rule that takes packets of link-layer senders out of the
// chain: those of the other director. Where it also tests devices or TCP, this is taken to be no less
// than what the rules that mark test; verify shows packets for which it is.
func leftByMAC(r *oldconfig.Rule) (oldconfig.Match, bool) {
	var sender oldconfig.Match
	for _, m := range r.Matches {
		switch {
		case m.Field == oldconfig.SourceMAC && !m.Not && sender.In == nil:
			sender = m
		case m.Field == oldconfig.InDevice && !m.Not, isTCP(m):
		default:
			return sender, false
		}
	}
	sender.Not = true
	return sender, sender.In != nil
}

func isTCP(m oldconfig.Match) bool {
	m.Not = !m.Not
	return isNotTCP(m)
}

func isNotTCP(m oldconfig.Match) bool {
	tcp := oldconfig.Number{Low: uint64(config.TCP)}
	return m.Not && len(m.In) == 1 && m.In[0] == oldconfig.Range{Low: tcp, High: tcp}
}

func holdsFor(m oldconfig.Match, n oldconfig.Number) bool {
	return m.Not != slices.ContainsFunc(m.In, func(r oldconfig.Range) bool { return r.Contains(oldconfig.Range{Low: n, High: n}) })
}

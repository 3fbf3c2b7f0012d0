package iptables

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// matchConntrack reads --state and the options of conntrack. What else connection tracking
// knows of a packet, such as its expiry, is not in the model.
func (p *parser) matchConntrack(o option) bool {
	switch o.name {
	case "state", "ctstate":
		return p.matchState(o)
	case "ctorigsrc":
		return p.matchNetwork(oldconfig.OriginalSource, o)
	case "ctorigdst":
		return p.matchNetwork(oldconfig.OriginalDestination, o)
	case "ctorigdstport":
		return p.matchPort(oldconfig.OriginalDestinationPort, o)
	case "ctproto":
		return p.matchConnectionProtocol(o)
	case "ctdir":
		return p.matchDirection(o)
	case "ctstatus":
		p.narrowStatus(o)
	}
	return false
}

// matchConnectionProtocol reads --ctproto. A packet of TCP, UDP or SCTP has the protocol of its
// connection; without a connection, neither the option nor its negation matches.
func (p *parser) matchConnectionProtocol(o option) bool {
	protocol, ok := parseProtocol(o.values[0])
	return ok && hasPorts(protocol) && p.add(
		oldconfig.Match{Field: oldconfig.Protocol, In: []oldconfig.Range{one(protocol)}, Not: o.not, Text: o.String()},
		p.any(oldconfig.OriginalDestination, o))
}

// matchDirection reads --ctdir. The first packet of a connection has its original direction, so
// REPLY can only match ESTABLISHED packets; which ones, rules do not say.
func (p *parser) matchDirection(o option) bool {
	original, reply := strings.EqualFold(o.values[0], "ORIGINAL"), strings.EqualFold(o.values[0], "REPLY")
	switch {
	case original && !o.not, reply && o.not:
		return p.add(p.any(oldconfig.OriginalDestination, o))
	case original, reply:
		p.narrowState(o, oldconfig.StateEstablished)
	}
	return false
}

// narrowStatus reads --ctstatus as far as the state limits it: ASSURED and SEEN_REPLY connections
// are ESTABLISHED, and the first packet of an EXPECTED one is RELATED.
func (p *parser) narrowStatus(o option) {
	var states uint64
	for name := range strings.SplitSeq(strings.ToUpper(o.values[0]), ",") {
		switch name {
		case "ASSURED", "SEEN_REPLY":
			states |= oldconfig.StateEstablished
		case "EXPECTED":
			states |= oldconfig.StateEstablished | oldconfig.StateRelated
		default:
			return
		}
	}
	if !o.not {
		p.narrowState(o, states)
	}
}

// splitConntrack corrects --ctstate beside other options of the same match: the kernel does not
// test those for packets without a connection (conntrack_mt of net/netfilter/xt_conntrack.c).
func (p *parser) splitConntrack() {
	const without = oldconfig.StateInvalid | oldconfig.StateUntracked
	states, others, kept, owners := p.conntrackFactors()
	if states == 0 && others != nil && p.hasConntrackState() {
		p.factors, p.owners = kept, owners // the states are not understood, and may contain these
		return
	}
	if others == nil || states&without == 0 {
		return
	}
	state := func(bits uint64) oldconfig.Match {
		return oldconfig.Match{Field: oldconfig.State, In: []oldconfig.Range{one(bits)}, Text: "-m conntrack"}
	}
	alternatives := []conjunct{{state(states & without)}}
	if states &^= without; states != 0 {
		alternatives = append(alternatives, append(conjunct{state(states)}, others...))
	}
	p.factors, p.owners = kept, owners
	p.owner = "conntrack"
	if modules := p.count("conntrack"); modules > 1 || !p.addAlternatives(alternatives) {
		p.misunderstood("-m conntrack")
	}
	p.owner = ""
}

// hasConntrackState reports whether a match of conntrack has --ctstate.
func (p *parser) hasConntrackState() bool {
	return slices.ContainsFunc(p.modules, func(m *module) bool {
		_, found := m.get("ctstate")
		return found && m.name == "conntrack"
	})
}

// conntrackFactors returns the states of --ctstate, the matches of other options of conntrack, and
// the factors of other modules with their owners.
func (p *parser) conntrackFactors() (states uint64, others conjunct, kept [][]conjunct, owners []string) {
	for i, f := range p.factors {
		if p.owners[i] != "conntrack" {
			kept, owners = append(kept, f), append(owners, p.owners[i])
			continue
		}
		if m := f[0][0]; strings.Contains(m.Text, "--ctstate ") {
			states = bitsOf(m)
		} else {
			others = append(others, f[0]...)
		}
	}
	return states, others, kept, owners
}

// count returns the number of matches of the rule with the name.
func (p *parser) count(name string) (count int) {
	for _, m := range p.modules {
		if m.name == name {
			count++
		}
	}
	return count
}

// bitsOf returns the states that a match has.
func bitsOf(m oldconfig.Match) (bits uint64) {
	for _, r := range m.In {
		bits |= r.Low.Low
	}
	if m.Not {
		bits = (oldconfig.StateUntracked<<1 - 1) &^ bits
	}
	return bits
}

// narrowState limits a match that is not understood to packets of the states.
func (p *parser) narrowState(o option, states uint64) {
	p.add(oldconfig.Match{Field: oldconfig.State, In: []oldconfig.Range{one(states)}, Text: o.String()})
}

// matchHelper reads --helper: packets of connections that a helper expected
// (net/netfilter/xt_helper.c). Their first packet is RELATED, so a packet that begins another
// connection never matches. Which connections these are depends on what clients and servers say.
func (p *parser) matchHelper(o option) bool {
	if o.not {
		return false
	}
	states := []oldconfig.Range{one(oldconfig.StateRelated), one(oldconfig.StateEstablished)}
	p.add(oldconfig.Match{Field: oldconfig.State, In: states, Text: "-m helper " + o.String()})
	p.reason = "rules do not say which connections the helper expects; mark the passive range of the FTP servers in place of it"
	return false
}

// matchIPVS reads the options of match ipvs; see net/netfilter/xt_ipvs.c. All but --ipvs
// look up the connection of a packet on its way to a real server, by nat alone.
func (p *parser) matchIPVS(o option) bool {
	switch o.name {
	case "ipvs":
		return p.add(oldconfig.Match{Field: oldconfig.SentByIPVS, In: []oldconfig.Range{one(1)}, Not: o.not, Text: o.String()})
	case "vaddr":
		return p.matchNetwork(oldconfig.VirtualAddress, o)
	case "vport":
		return p.matchPort(oldconfig.VirtualPort, o)
	case "vproto":
		protocol, ok := parseProtocol(o.values[0])
		return ok && p.add(
			oldconfig.Match{Field: oldconfig.Protocol, In: []oldconfig.Range{one(protocol)}, Not: o.not, Text: o.String()},
			p.any(oldconfig.VirtualAddress, o))
	case "vmethod":
		isNAT := strings.EqualFold(o.values[0], "MASQ")
		m := p.any(oldconfig.VirtualAddress, o)
		m.Not = isNAT == o.not
		return p.add(m)
	}
	return false
}

func (p *parser) matchNetwork(field oldconfig.Field, o option) bool {
	in, ok := parseNetwork(p.family, o.values[0])
	return ok && p.add(oldconfig.Match{Field: field, In: in, Not: o.not, Text: o.String()})
}

// any returns a match that holds for every value of a field that the packet has.
func (p *parser) any(field oldconfig.Field, o option) oldconfig.Match {
	all := oldconfig.Range{High: oldconfig.Number{Low: 1<<32 - 1}}
	if p.family.Bits() > 32 {
		all.High = oldconfig.Number{High: 1<<64 - 1, Low: 1<<64 - 1}
	}
	return oldconfig.Match{Field: field, In: []oldconfig.Range{all}, Text: o.String()}
}

package iptables

import (
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// matchConntrack reads --state and the options of conntrack. What else connection tracking
// knows of a packet, such as replies and expiry, is not in the model.
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
	case "ctdir":
		return strings.EqualFold(o.values[0], "ORIGINAL") && !o.not && p.add(p.any(oldconfig.OriginalDestination, o))
	}
	return false
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

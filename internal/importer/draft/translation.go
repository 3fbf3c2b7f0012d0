package draft

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A translation is a rule that changes the source of packets on their way out.
type translation struct {
	family     oldconfig.Family
	table      string
	sources    []oldconfig.Range // nil: any
	ports      []uint16          // nil: any
	to         []oldconfig.Range
	toDevice   bool // to the address of the device, in place of to
	toOriginal bool // to the VIP that the client has connected to, in place of to
	otherPorts bool // the port of the source changes
	line       oldconfig.Line

	// Of packets to real servers; see sourcenat.go. Nil: not tested.
	marks, servers []oldconfig.Range
	vips           []oldconfig.Range // to which the client has connected
	ofIPVS         bool              // packets that IPVS sends
}

// translationsOf returns the rules that can translate active data, also of chains that others
// jump to, as firewalld and Docker have them.
func translationsOf(chains []*oldconfig.Chain) []translation {
	w := translationWalk{chains: map[chainKey]*oldconfig.Chain{}, left: mayVisit(chains)}
	for _, chain := range chains {
		w.chains[chainKey{chain.Family, chain.Table, chain.Name}] = chain
	}
	bases := oldconfig.LastFirst(chains)
	slices.SortStableFunc(bases, func(a, b *oldconfig.Chain) int { return cmp.Compare(priorityOf(a), priorityOf(b)) })
	for _, chain := range bases {
		if chain.Base != nil && chain.Base.Hook == oldconfig.Postrouting {
			w.chain(chain, nil, 0)
		}
	}
	return w.found
}

// A translationWalk finds the rules that translate sources.
type translationWalk struct {
	chains map[chainKey]*oldconfig.Chain
	found  []translation
	left   int // rules that may still be visited
}

// chain visits the rules of a chain, to which rules with the matches jump.
func (w *translationWalk) chain(c *oldconfig.Chain, outer []oldconfig.Match, depth int) {
	if c == nil || depth > maxChainDepth {
		return
	}
	for _, r := range c.Rules {
		if w.left--; w.left <= 0 {
			return
		}
		if t, ok := translationOf(r, outer); ok {
			t.family, t.table = c.Family, c.Table
			w.found = append(w.found, t)
		}
		matches := slices.Clip(outer)
		for part := r; part != nil; part = part.Then {
			matches = append(matches, part.Matches...)
			for _, a := range part.Actions {
				if a.Kind == oldconfig.Jump || a.Kind == oldconfig.Goto {
					w.chain(w.chains[chainKey{c.Family, c.Table, a.Chain}], matches, depth+1)
				}
			}
		}
	}
}

func priorityOf(c *oldconfig.Chain) int {
	if c.Base == nil {
		return 0
	}
	return c.Base.Priority
}

// translationOf returns the translation of a rule, to which rules with the matches jump.
func translationOf(r *oldconfig.Rule, outer []oldconfig.Match) (t translation, ok bool) {
	t.line = r.Line
	for _, m := range outer {
		if !t.match(m) {
			return t, false
		}
	}
	for part := r; part != nil; part = part.Then {
		for _, m := range part.Matches {
			if !t.match(m) {
				return t, false
			}
		}
		for _, a := range part.Actions {
			if a.Kind == oldconfig.TranslateSource || a.ToOriginal {
				t.to, t.toDevice, t.toOriginal, ok = a.To, a.ToDevice, a.ToOriginal, true
				t.otherPorts = len(a.ToPorts) > 0 || a.RandomPorts
			}
		}
	}
	return t, ok
}

// match takes a match of the rule. It returns false if active data may not fulfil it.
func (t *translation) match(m oldconfig.Match) bool {
	switch {
	case m.Field == oldconfig.Source && !m.Not:
		return narrow(&t.sources, m.In)
	case m.Field == oldconfig.Protocol:
		return holdsFor(m, oldconfig.Number{Low: uint64(config.TCP)})
	case m.Field == oldconfig.SourcePort && !m.Not:
		return t.matchPorts(m.In)
	case m.Field == oldconfig.Mark && !m.Not && m.Mask == 1<<32-1:
		return narrow(&t.marks, m.In)
	case m.Field == oldconfig.Destination && !m.Not:
		return narrow(&t.servers, m.In)
	case m.Field == oldconfig.OutDevice:
	default:
		return t.matchConnection(m)
	}
	return true
}

// matchPorts takes the source ports of a rule, single ones.
func (t *translation) matchPorts(in []oldconfig.Range) bool {
	var ports []uint16
	for _, p := range in {
		if p.Low != p.High {
			return false
		}
		if port := uint16(p.Low.Low); t.ports == nil || slices.Contains(t.ports, port) {
			ports = append(ports, port)
		}
	}
	t.ports = ports
	return ports != nil
}

// matchConnection takes a match of the connection, which is one of IPVS.
func (t *translation) matchConnection(m oldconfig.Match) bool {
	switch {
	case m.Not:
		return false
	case m.Field == oldconfig.SentByIPVS, m.Field == oldconfig.VirtualPort:
		t.ofIPVS = true // verify compares the ports
	case m.Field == oldconfig.VirtualAddress:
		t.ofIPVS = true
		return narrow(&t.vips, m.In)
	case m.Field == oldconfig.OriginalDestination, m.Field == oldconfig.OriginalDestinationPort:
		if t.ofIPVS = true; m.Field == oldconfig.OriginalDestination {
			return narrow(&t.vips, m.In)
		}
	default:
		return false
	}
	return true
}

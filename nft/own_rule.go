package nft

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// The functions of this file read back the rules and chains that Compile makes. A
// rule counts as one of them where it has the same meaning, in whatever form nft
// wrote it.

// MarkChains are the chains whose rules mark packets, apart from the chains that a
// GotoRule leads to.
func (t *Table) MarkChains() []*Chain { return t.baseChains("filter", HookPrerouting) }

// NATChains are the chains that make the kernel translate source addresses.
func (t *Table) NATChains() []*Chain { return t.baseChains("nat", HookPostrouting) }

func (t *Table) baseChains(typ string, hook uint32) []*Chain {
	return slices.DeleteFunc(slices.Clone(t.Chains), func(c *Chain) bool { return c.Type != typ || c.Hook != hook })
}

// IsDormant reports whether no packet meets the chains of the table.
func (t *Table) IsDormant() bool { return t.Flags&unix.NFT_TABLE_F_DORMANT != 0 }

// A MarkRule gives packets to its ports the mark that a map has for their VIP.
type MarkRule struct {
	Ports   []config.PortRange // the same ports of one protocol or of both
	Within  netip.Prefix       // the network that the VIP must be in; invalid: any
	VIPs    *Set               // see VIPMap
	Accepts bool               // a packet that got a mark leaves the chain
}

// MarkRule reads a rule of the table; false: the rule is none such.
func (t *Table) MarkRule(r *Rule) (MarkRule, bool) {
	steps := t.steps(r)
	accepts := len(steps) == 2 && len(steps[1].conditions) == 0 && steps[1].statement == accepting
	if len(steps) != 1 && !accepts {
		return MarkRule{}, false
	}
	rest := steps[0].cloneConditions()
	set, ok := rest.takeSet(t, destinationOf(t.Family))
	if !ok || !set.hasVIPs() || set.DataType != typeMark ||
		steps[0].statement != markStatement(set, destinationOf(t.Family)) {
		return MarkRule{}, false
	}
	rule := MarkRule{Within: rest.takeNetwork(t.Family), VIPs: set, Accepts: accepts}
	rule.Ports, ok = rest.takePorts(destinationPort)
	return rule, ok && len(rest) == 0
}

// A GotoRule sends packets to the chain that a verdict map has for their VIP.
type GotoRule struct {
	Within netip.Prefix // as in MarkRule
	VIPs   *Set         // see VIPMap
}

// GotoRule reads a rule of the table; false: the rule is none such.
func (t *Table) GotoRule(r *Rule) (GotoRule, bool) {
	steps := t.steps(r)
	if len(steps) != 1 {
		return GotoRule{}, false
	}
	for _, set := range t.Sets {
		if steps[0].statement == verdictStatement(set, destinationOf(t.Family)) && set.hasVIPs() && set.DataType == typeVerdict {
			rest := steps[0].cloneConditions()
			return GotoRule{rest.takeNetwork(t.Family), set}, len(rest) == 0
		}
	}
	return GotoRule{}, false
}

// ProtocolRule reads a rule of the table that accepts packets of all protocols but
// the one that it returns; false: the rule is none such.
func (t *Table) ProtocolRule(r *Rule) (config.Protocol, bool) {
	steps := t.steps(r)
	if len(steps) != 1 || steps[0].statement != accepting {
		return 0, false
	}
	for _, p := range []config.Protocol{config.TCP, config.UDP} {
		rest := steps[0].cloneConditions()
		if rest.takeProtocol(p, true) && len(rest) == 0 {
			return p, true
		}
	}
	return 0, false
}

// A TranslationRule gives active data connections from one port another source address.
type TranslationRule struct {
	Port    uint16 // of TCP
	Sources *Set   // the addresses that the connections come from; see AddressRanges
}

// TranslationRule reads a rule of the table; false: the rule is none such.
func (t *Table) TranslationRule(r *Rule) (TranslationRule, bool) {
	steps := t.steps(r)
	if len(steps) != 1 {
		return TranslationRule{}, false
	}
	rest := steps[0].cloneConditions()
	set, ok := rest.takeSet(t, sourceOf(t.Family))
	if !ok || set.KeyType != addrType(t.Family) ||
		steps[0].statement != masquerading && steps[0].statement != snatStatement(set, sourceOf(t.Family)) {
		return TranslationRule{}, false
	}
	ports, ok := rest.takePorts(sourcePort)
	if !ok || len(rest) > 0 || len(ports) != 1 || ports[0].Protocol != config.TCP || ports[0].Width() > 1 {
		return TranslationRule{}, false
	}
	return TranslationRule{ports[0].Low, set}, true
}

// steps are those of the rule's meaning; none where it is not known.
func (t *Table) steps(r *Rule) []step {
	m, _ := t.meaning(r)
	return m.steps
}

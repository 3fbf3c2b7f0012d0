package impact

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// restrictedPorts are ports of a VIP of which some packets get a mark: those that meet the
// conditions of the key only.
type restrictedPorts struct {
	firewall.MarkedPorts
	only *conditions // nil: none
}

// restrictedMarks has the rules whose marks depend on conditions.
type restrictedMarks struct{ chains []restrictedChain }

// A restrictedChain is a base chain with the rules that packets in it may reach.
type restrictedChain struct {
	rules    []restrictedRule            // of the chain itself, and of that for first packets
	targets  map[string][]restrictedRule // of other chains, by name
	gotos    []vipLookup                 // from VIPs to these chains
	protocol config.Protocol             // of all packets that reach the rules; 0: any
}

// A restrictedRule is a mark rule with conditions.
type restrictedRule struct {
	nft.MarkRule
	marks vipLookup
	only  *conditions
	ports []firewall.MarkedPorts // of a rule that marks by port; nil: by VIP
}

// A vipLookup is a map from single VIPs or one from networks.
type vipLookup struct {
	single   nft.VIPMap
	networks []nft.VIPEntry
}

func newVIPLookup(s *nft.Set) vipLookup {
	single, _ := s.VIPMap()
	return vipLookup{single, s.VIPNetworks()}
}

func (l vipLookup) find(vip netip.Addr) (nft.VIPEntry, bool) {
	if entry, ok := l.single.Find(vip); ok {
		return entry, true
	}
	i, _ := slices.BinarySearchFunc(l.networks, vip, func(n nft.VIPEntry, vip netip.Addr) int { return cmp.Or(n.First.Compare(vip), -1) })
	if i == 0 || !l.networks[i-1].Contains(vip) {
		return nft.VIPEntry{}, false
	}
	return l.networks[i-1], true
}

// restrictedOf returns the marks of lvsmark's rules with conditions.
func restrictedOf(r *nft.Ruleset) *restrictedMarks {
	marks := &restrictedMarks{}
	for _, t := range r.Tables {
		if t.IsDormant() {
			continue
		}
		rules := restrictedRules(t)
		if len(rules) == 0 {
			continue
		}
		for _, c := range t.MarkChains() {
			if c.Hook == nft.HookPrerouting { // the chains of other hooks set the same marks
				marks.chains = append(marks.chains, newRestrictedChain(t, c, rules))
			}
		}
	}
	return marks
}

func newRestrictedChain(t *nft.Table, c *nft.Chain, rules map[string][]restrictedRule) restrictedChain {
	chain := restrictedChain{rules: slices.Clone(rules[c.Name]), targets: rules}
	for _, first := range t.FirstPacketChains(c) {
		chain.rules = append(chain.rules, rules[first.Name]...)
	}
	for _, rule := range t.MarkRules(c) {
		if g, ok := t.GotoRule(rule); ok {
			chain.gotos = append(chain.gotos, newVIPLookup(g.VIPs))
		}
		if only, ok := t.ProtocolRule(rule); ok {
			chain.protocol = only
		}
	}
	return chain
}

// restrictedRules returns the rules with conditions of each chain.
func restrictedRules(t *nft.Table) map[string][]restrictedRule {
	rules, known := map[string][]restrictedRule{}, knownConditions{}
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			rule, ok := t.MarkRule(r)
			if ok && !rule.Only.Any() && !rule.Only.NotEthernet { // the rule for Ethernet has the same conditions
				rules[c.Name] = append(rules[c.Name], restrictedRule{rule, newVIPLookup(rule.VIPs), known.of(rule.Only), nil})
			}
			shards, ok := t.PortMarkRule(r)
			if ok && !shards.Only.Any() && !shards.Only.NotEthernet {
				rules[c.Name] = append(rules[c.Name], restrictedShards(t, c, shards, known.of(shards.Only)))
			}
		}
	}
	return rules
}

// of returns the marks of a VIP.
func (m *restrictedMarks) of(vip netip.Addr) []restrictedPorts {
	var list []restrictedPorts
	for _, c := range m.chains {
		list = c.appendMarks(list, c.rules, vip)
		for _, g := range c.gotos {
			if to, ok := g.find(vip); ok {
				list = c.appendMarks(list, c.targets[to.Chain], vip)
				break
			}
		}
	}
	slices.SortStableFunc(list, func(a, b restrictedPorts) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low))
	})
	return list
}

func (c *restrictedChain) appendMarks(list []restrictedPorts, rules []restrictedRule, vip netip.Addr) []restrictedPorts {
	for _, r := range rules {
		entry, ok := r.marks.find(vip)
		if !ok {
			continue
		}
		for _, ports := range r.ports {
			list = append(list, restrictedPorts{ports, r.only})
		}
		if r.ports != nil {
			continue
		}
		for _, ports := range withProtocols(r.Ports) {
			if c.protocol == 0 || c.protocol == ports.Protocol {
				list = append(list, restrictedPorts{firewall.MarkedPorts{PortRange: ports, Mark: entry.Mark}, r.only})
			}
		}
	}
	return list
}

// withProtocols returns the ports of each protocol in place of AllPorts.
func withProtocols(ports []config.PortRange) []config.PortRange {
	if !ports[0].IsAll() {
		return ports
	}
	var all []config.PortRange
	for _, p := range config.PortProtocols() {
		all = append(all, config.PortRange{Protocol: p, High: 65535})
	}
	return all
}

// lookups yields the maps with marks of the rules.
func (m *restrictedMarks) lookups(yield func(vipLookup) bool) {
	for _, c := range m.chains {
		for _, rules := range c.targets {
			for _, r := range rules {
				if !yield(r.marks) {
					return
				}
			}
		}
	}
}

// vips returns the single VIPs with marks.
func (m *restrictedMarks) vips() []netip.Addr {
	var list []netip.Addr
	for l := range m.lookups {
		for entry := range l.single.All() {
			list = append(list, entry.First)
		}
	}
	return list
}

// ends appends the addresses where VIPs of m begin, and those after their ends.
func (m *restrictedMarks) ends(list []netip.Addr) []netip.Addr {
	for _, vip := range m.vips() {
		list = append(list, vip, vip.Next())
	}
	for l := range m.lookups {
		for _, n := range l.networks {
			list = append(list, n.First, n.Last.Next())
		}
	}
	return list
}

func (m *restrictedMarks) hasNetworks() bool {
	for l := range m.lookups {
		if len(l.networks) > 0 {
			return true
		}
	}
	return false
}

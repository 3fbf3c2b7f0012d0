package impact

import (
	"cmp"
	"fmt"
	"hash/fnv"
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
	only string // the conditions, see conditionsOf; empty: none
}

// restrictedMarks has the marks that depend on conditions, by VIP.
type restrictedMarks map[netip.Addr][]restrictedPorts

// restrictedOf returns the marks of lvsmark's rules with conditions; vips: of these only,
// nil: of all VIPs.
func restrictedOf(r *nft.Ruleset, vips []netip.Addr) restrictedMarks {
	marks := restrictedMarks{}
	if r == nil {
		return marks
	}
	for _, t := range r.Tables {
		if t.IsDormant() {
			continue
		}
		rules := restrictedRules(t)
		if len(rules) == 0 {
			continue
		}
		for _, c := range t.MarkChains() {
			if c.Hook != nft.HookPrerouting { // the chains of other hooks set the same marks
				continue
			}
			found := restrictedMarks{}
			found.addRules(rules[c.Name], vips)
			for _, rule := range c.Rules {
				if g, ok := t.GotoRule(rule); ok {
					found.addGotos(g, rules, vips)
				}
			}
			for vip, list := range found {
				list = ofProtocol(t, c, list)
				slices.SortStableFunc(list, func(a, b restrictedPorts) int {
					return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low))
				})
				marks[vip] = append(marks[vip], list...)
			}
		}
	}
	return marks
}

// ofProtocol returns the ports of the protocol that the chain lets pass, which its rules then
// do not test.
func ofProtocol(t *nft.Table, c *nft.Chain, list []restrictedPorts) []restrictedPorts {
	for _, r := range c.Rules {
		if only, ok := t.ProtocolRule(r); ok {
			return slices.DeleteFunc(list, func(p restrictedPorts) bool { return p.Protocol != only })
		}
	}
	return list
}

// A restrictedRule is a mark rule with conditions.
type restrictedRule struct {
	nft.MarkRule
	marks nft.VIPMap
	only  string
}

// restrictedRules returns the rules with conditions of each chain.
func restrictedRules(t *nft.Table) map[string][]restrictedRule {
	rules, digests := map[string][]restrictedRule{}, digester{}
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			if rule, ok := t.MarkRule(r); ok && !rule.Only.Any() {
				marks, _ := rule.VIPs.VIPMap()
				rules[c.Name] = append(rules[c.Name], restrictedRule{rule, marks, digests.conditionsOf(rule.Only)})
			}
		}
	}
	return rules
}

// A digester computes a digest of the elements of each set once.
type digester map[*nft.Set]uint64

// conditionsOf returns a text that is different for different conditions. A rule for
// Ethernet and one for other devices have the same conditions in the spec.
func (d digester) conditionsOf(s nft.Selection) (text string) {
	for i, set := range []*nft.Set{s.Sources, s.Devices, s.ExceptMACs} {
		if set != nil {
			text += fmt.Sprintf("%d:%x ", i, d.of(set))
		}
	}
	return text
}

func (d digester) of(set *nft.Set) uint64 {
	if known, ok := d[set]; ok {
		return known
	}
	digest := fnv.New64a()
	for _, e := range set.Elements {
		digest.Write([]byte(e.Key))
	}
	d[set] = digest.Sum64()
	return d[set]
}

func (m restrictedMarks) addRules(rules []restrictedRule, vips []netip.Addr) {
	for _, r := range rules {
		if vips == nil {
			for entry := range r.marks.All() {
				m.add(r, entry)
			}
			continue
		}
		for _, vip := range vips {
			if entry, ok := r.marks.Find(vip); ok {
				m.add(r, entry)
			}
		}
	}
}

// addGotos adds the marks of VIPs whose packets go to another chain.
func (m restrictedMarks) addGotos(g nft.GotoRule, rules map[string][]restrictedRule, vips []netip.Addr) {
	chains, _ := g.VIPs.VIPMap()
	add := func(to nft.VIPEntry) {
		for _, r := range rules[to.Chain] {
			if entry, ok := r.marks.Find(to.VIP); ok {
				m.add(r, entry)
			}
		}
	}
	if vips == nil {
		for to := range chains.All() {
			add(to)
		}
		return
	}
	for _, vip := range vips {
		if to, ok := chains.Find(vip); ok {
			add(to)
		}
	}
}

func (m restrictedMarks) add(r restrictedRule, entry nft.VIPEntry) {
	if r.Only.NotEthernet { // the rule for Ethernet has the same conditions
		return
	}
	for _, ports := range r.Ports {
		m[entry.VIP] = append(m[entry.VIP], restrictedPorts{firewall.MarkedPorts{PortRange: ports, Mark: entry.Mark}, r.only})
	}
}

// all returns the marks of a VIP, those without conditions first.
func (m restrictedMarks) all(vip netip.Addr, without []firewall.MarkedPorts) []restrictedPorts {
	list := make([]restrictedPorts, len(without))
	for i, ports := range without {
		list[i].MarkedPorts = ports
	}
	return append(list, m[vip]...)
}

// compareRestricted returns the marked ranges of ports whose mark changes for some packets.
func compareRestricted(vip netip.Addr, before, after []restrictedPorts) []markChange {
	var list []markChange
	for _, old := range before {
		for _, piece := range old.pieces(after) {
			to, narrower := old.after(piece, after)
			if to == old.Mark && !narrower {
				continue
			}
			change := markChange{vip, firewall.MarkedPorts{PortRange: piece, Mark: old.Mark}, to}
			if n := len(list) - 1; n >= 0 && list[n].Mark == change.Mark && list[n].to == to && list[n].Protocol == piece.Protocol && int(list[n].High)+1 == int(piece.Low) {
				list[n].High = piece.High
				continue
			}
			list = append(list, change)
		}
	}
	return list
}

// pieces divides the ports at the ends of the ranges after the change.
func (p restrictedPorts) pieces(after []restrictedPorts) []config.PortRange {
	starts := []int{int(p.Low)}
	for _, next := range after {
		if next.Overlaps(p.PortRange) {
			starts = append(starts, max(int(next.Low), int(p.Low)), int(next.High)+1)
		}
	}
	slices.Sort(starts)
	starts = slices.DeleteFunc(slices.Compact(starts), func(start int) bool { return start > int(p.High) })
	pieces := make([]config.PortRange, len(starts))
	for i, start := range starts {
		end := int(p.High)
		if i+1 < len(starts) {
			end = starts[i+1] - 1
		}
		pieces[i] = config.PortRange{Protocol: p.Protocol, Low: uint16(start), High: uint16(end)}
	}
	return pieces
}

// after returns the mark that packets of p to a part of its ports get after the change, and
// whether that depends on conditions that they may not meet.
func (p restrictedPorts) after(piece config.PortRange, after []restrictedPorts) (mark uint32, narrower bool) {
	for _, next := range after {
		switch {
		case !next.Overlaps(piece):
		case next.Mark == p.Mark && (next.only == "" || next.only == p.only):
			return p.Mark, false
		case next.Mark == p.Mark:
			mark, narrower = p.Mark, true
		case next.only == "" && !narrower:
			mark = next.Mark
		}
	}
	return mark, narrower
}

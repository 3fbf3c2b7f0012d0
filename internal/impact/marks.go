package impact

import (
	"net/netip"

	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// vipMarks has the marks that a ruleset gives to packets, by VIP: sorted ports, adjacent
// ports with the same mark in one range. Two rulesets with the same vipMarks do the same
// to packets, even if their maps and chains differ. Rules not made by lvsmark are not
// included; see ruleKind.
type vipMarks map[netip.Addr][]firewall.MarkedPorts

// marksOf returns the marks of the VIPs; nil: of all VIPs.
func marksOf(r *nft.Ruleset, vips []netip.Addr) vipMarks {
	list := firewall.Marks(r, firewall.MarkQuery{Addresses: vips, Rules: marksAllPackets})
	marks := make(vipMarks, len(list))
	for _, m := range list {
		if m.First == m.Last { // lvsmark's rules give marks to single addresses
			marks[m.First] = m.Ports
		}
	}
	return marks
}

// marksAllPackets reports whether the rule has a form that lvsmark makes for marks, without
// conditions of only; for these see restrictedOf.
func marksAllPackets(t *nft.Table, r *nft.Rule) bool {
	rule, ok := t.MarkRule(r)
	return marksPackets(t, r) && (!ok || rule.Only.Any())
}

package impact

import (
	"net/netip"

	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// vipMarks are the marks that a ruleset gives to packets: for each VIP its ports in
// order, adjacent ports of the same mark in one range. Two rulesets with the same
// vipMarks do the same to packets, whatever their maps and chains. Rules that lvsmark
// does not make are left out; see ruleKind.
type vipMarks map[netip.Addr][]firewall.MarkedPorts

// marksOf are the marks of some VIPs, for nil of all.
func marksOf(r *nft.Ruleset, vips []netip.Addr) vipMarks {
	list := firewall.Marks(r, firewall.MarkQuery{Addresses: vips, Rules: marksPackets})
	marks := make(vipMarks, len(list))
	for _, m := range list {
		if m.First == m.Last { // lvsmark's rules give marks to single addresses
			marks[m.First] = m.Ports
		}
	}
	return marks
}

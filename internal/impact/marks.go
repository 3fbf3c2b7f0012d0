package impact

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// vipMarks has the marks that a ruleset gives to packets, by VIP: sorted ports, adjacent
// ports with the same mark in one range. Two rulesets with the same marks do the same
// to packets, even if their maps and chains differ. Rules not made by lvsmark are not
// included; see ruleKind.
type vipMarks struct {
	single   map[netip.Addr][]firewall.MarkedPorts
	networks []firewall.MarkedAddresses // of several VIPs, disjoint, sorted
}

// marksOf returns the marks of the VIPs; nil: of all VIPs.
func marksOf(r *nft.Ruleset, vips []netip.Addr) *vipMarks {
	list := firewall.Marks(r, firewall.MarkQuery{Addresses: vips, Rules: marksAllPackets})
	marks := &vipMarks{single: make(map[netip.Addr][]firewall.MarkedPorts, len(list))}
	for _, m := range list {
		if m.First == m.Last {
			marks.single[m.First] = m.Ports
		} else {
			marks.networks = append(marks.networks, m)
		}
	}
	slices.SortFunc(marks.networks, func(a, b firewall.MarkedAddresses) int { return a.First.Compare(b.First) })
	return marks
}

// marksAllPackets reports whether the rule has a form that lvsmark makes for marks, without
// conditions of only; for these see restrictedOf.
func marksAllPackets(t *nft.Table, r *nft.Rule) bool {
	return marksPackets(t, r) && onlyOf(t, r).Any()
}

// of returns the marks of packets to an address.
func (m *vipMarks) of(vip netip.Addr) []firewall.MarkedPorts {
	if ports, ok := m.single[vip]; ok {
		return ports
	}
	i, _ := slices.BinarySearchFunc(m.networks, vip, func(n firewall.MarkedAddresses, vip netip.Addr) int {
		return cmp.Or(n.First.Compare(vip), -1)
	})
	if i > 0 && !m.networks[i-1].Last.Less(vip) && m.networks[i-1].First.BitLen() == vip.BitLen() {
		return m.networks[i-1].Ports
	}
	return nil
}

// vips returns the single VIPs, sorted.
func (m *vipMarks) vips() []netip.Addr {
	return slices.SortedFunc(maps.Keys(m.single), netip.Addr.Compare)
}

// ends appends the addresses where VIPs of m begin, and those after their ends.
func (m *vipMarks) ends(list []netip.Addr) []netip.Addr {
	for _, n := range m.networks {
		list = append(list, n.First, n.Last.Next())
	}
	for vip := range m.single {
		list = append(list, vip, vip.Next())
	}
	return list
}

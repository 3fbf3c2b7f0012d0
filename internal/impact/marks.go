package impact

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
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
	list := firewall.Marks(r, firewall.MarkQuery{Addresses: vips, Rules: marksPackets})
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

// parts divides a range at the ends of the VIPs of m: all addresses of a part have the same
// marks.
func (m *vipMarks) parts(r config.AddressRange) []config.AddressRange {
	starts := []netip.Addr{r.First}
	cut := func(first, last netip.Addr) {
		for _, start := range []netip.Addr{first, last.Next()} {
			if start.IsValid() && r.Contains(start) {
				starts = append(starts, start)
			}
		}
	}
	for _, n := range m.networks {
		cut(n.First, n.Last)
	}
	for vip := range m.single {
		if r.Contains(vip) {
			cut(vip, vip)
		}
	}
	slices.SortFunc(starts, netip.Addr.Compare)
	starts = slices.Compact(starts)
	parts := make([]config.AddressRange, len(starts))
	for i, first := range starts {
		parts[i] = config.AddressRange{First: first, Last: r.Last}
		if i+1 < len(starts) {
			parts[i].Last = starts[i+1].Prev()
		}
	}
	return parts
}

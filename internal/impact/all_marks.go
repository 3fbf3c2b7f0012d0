package impact

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// allMarks are the marks of a ruleset, with and without conditions.
type allMarks struct {
	plain      *vipMarks
	restricted *restrictedMarks
}

// marksWith returns the marks of a ruleset; those without conditions only of the VIPs, unless
// they are nil.
func marksWith(r *nft.Ruleset, vips []netip.Addr) allMarks {
	return allMarks{marksOf(r, vips), restrictedOf(r)}
}

// of returns the marks of a VIP that at least some packets get.
func (m allMarks) of(vip netip.Addr) []firewall.MarkedPorts {
	plain := m.plain.of(vip)
	list := slices.Clip(plain)
	for _, ports := range m.restricted.of(vip) {
		list = append(list, ports.MarkedPorts)
	}
	return list
}

// all yields the marks of all VIPs of a family; a mark may come several times.
func (m allMarks) all(yield func(config.Family, firewall.MarkedPorts) bool) {
	for vip, list := range m.plain.single {
		for _, ports := range list {
			if !yield(config.FamilyOf(vip), ports) {
				return
			}
		}
	}
	for _, n := range m.plain.networks {
		for _, ports := range n.Ports {
			if !yield(config.FamilyOf(n.First), ports) {
				return
			}
		}
	}
	for _, start := range m.restricted.ends(nil) {
		for _, ports := range m.restricted.of(start) {
			if !yield(config.FamilyOf(start), ports.MarkedPorts) {
				return
			}
		}
	}
}

// vips returns the single VIPs with marks, sorted; of: only of these, nil: of all.
func (m allMarks) vips(of []netip.Addr) []netip.Addr {
	list := m.plain.vips()
	restricted := m.restricted.vips()
	if of != nil {
		restricted = slices.DeleteFunc(slices.Clone(of), func(vip netip.Addr) bool { return len(m.restricted.of(vip)) == 0 })
	}
	if len(restricted) == 0 {
		return list
	}
	list = append(list, restricted...)
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}

func (m allMarks) hasNetworks() bool { return len(m.plain.networks) > 0 || m.restricted.hasNetworks() }

// parts returns ranges of VIPs, sorted: the given single ones, or if they are nil, all that
// have marks in m, divided where marks of m or next begin and end.
func (m allMarks) parts(next allMarks, vips []netip.Addr) []config.AddressRange {
	if vips != nil {
		return config.SingleAddresses(vips...)
	}
	starts := next.restricted.ends(next.plain.ends(m.restricted.ends(m.plain.ends(nil))))
	slices.SortFunc(starts, netip.Addr.Compare)
	starts = slices.Compact(starts)
	var parts []config.AddressRange
	for i, first := range starts {
		if !first.IsValid() || len(m.of(first)) == 0 {
			continue
		}
		part := config.RangeOfPrefix(netip.PrefixFrom(first, 0))
		if part.First = first; i+1 < len(starts) && starts[i+1].BitLen() == first.BitLen() {
			part.Last = starts[i+1].Prev()
		}
		parts = append(parts, part)
	}
	return parts
}

// changes compares the marks of VIPs that have equal ones in m, and in next.
func (m allMarks) changes(vips config.AddressRange, next allMarks) []markChange {
	before, after := m.restricted.of(vips.First), next.restricted.of(vips.First)
	old, now := m.plain.of(vips.First), next.plain.of(vips.First)
	if len(before)+len(after) == 0 {
		return compareMarks(vips, old, now)
	}
	return compareRestricted(vips, withRestricted(old, before), withRestricted(now, after))
}

// withRestricted returns the marks of a VIP, those without conditions first.
func withRestricted(plain []firewall.MarkedPorts, restricted []restrictedPorts) []restrictedPorts {
	list := make([]restrictedPorts, len(plain))
	for i, ports := range plain {
		list[i].MarkedPorts = ports
	}
	return append(list, restricted...)
}

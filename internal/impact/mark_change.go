package impact

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/nft"
)

// A markChange says that packets to some marked ports of a VIP get another mark, or
// none.
type markChange struct {
	vip netip.Addr
	markedPorts
	to uint32 // the mark after the change; 0: none
}

// findMarkChanges compares the marks of all VIPs that the changes concern, and gives
// each markChange to the change that causes it.
func (c *consequences) findMarkChanges(before, after *nft.Ruleset) {
	attributions := newAttributions(c)
	structure := c.changeStructure()
	for _, family := range nft.Families() {
		old, next := readMarkChains(before, family), readMarkChains(after, family)
		var vips map[netip.Addr]bool
		if structure {
			vips = old.vips()
		} else {
			vips = c.changedVIPs(family)
		}
		for _, vip := range slices.SortedFunc(maps.Keys(vips), netip.Addr.Compare) {
			for _, change := range compareMarks(vip, old.marks(vip), next.marks(vip)) {
				found := c.at(attributions.of(change))
				found.markChanges = append(found.markChanges, change)
			}
		}
	}
}

// changeStructure reports whether anything but elements changes. An element concerns
// its own VIP only; of other VIPs there may be many.
func (c *consequences) changeStructure() bool {
	return slices.ContainsFunc(c.changes, func(change nft.Change) bool { return !change.Object().IsElement() })
}

// changedVIPs are the VIPs of the elements that change.
func (c *consequences) changedVIPs(family nft.Family) map[netip.Addr]bool {
	vips := map[netip.Addr]bool{}
	for i := range c.changes {
		o := c.changes[i].Object()
		if o.Table.Family != family {
			continue
		}
		if entry, ok := o.VIPEntry(); ok {
			vips[entry.VIP] = true
		}
	}
	return vips
}

// compareMarks returns the ranges of ports that were marked and whose mark changes.
func compareMarks(vip netip.Addr, before, after []markedPorts) []markChange {
	var list []markChange
	for _, old := range before {
		rest := int(old.Low) // the first port of old that is not compared yet
		for _, next := range after {
			if !next.Overlaps(old.PortRange) {
				continue
			}
			list = appendMarkChange(list, vip, old, rest, int(next.Low)-1, 0)
			list = appendMarkChange(list, vip, old, max(int(next.Low), int(old.Low)), min(int(next.High), int(old.High)), next.mark)
			rest = int(next.High) + 1
		}
		list = appendMarkChange(list, vip, old, rest, int(old.High), 0)
	}
	return list
}

func appendMarkChange(list []markChange, vip netip.Addr, old markedPorts, low, high int, to uint32) []markChange {
	if low > high || to == old.mark {
		return list
	}
	old.Low, old.High = uint16(low), uint16(high)
	return append(list, markChange{vip, old, to})
}

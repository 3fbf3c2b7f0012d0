package nft

import (
	"maps"
	"net/netip"
	"slices"
)

// A MarkChange is what becomes of packets to some ports of a VIP that are marked.
type MarkChange struct {
	VIP netip.Addr
	MarkedPorts
	To uint32 // the mark that they have afterwards; 0: none
}

// Changes lists what turns one ruleset into another, as Compare does, and what
// each change does to packets.
func Changes(from, to *Ruleset) []Change {
	changes := Compare(from, to).Changes()
	if len(changes) == 0 {
		return nil
	}
	for i := range changes {
		if c := &changes[i]; c.Op == Delete && c.rule != nil {
			c.RuleKind = c.table.ruleKind(c.rule)
		}
	}
	findMarkChanges(changes, from, to)
	findUntranslated(changes, from, to)
	findEndOfNAT(changes, from, to)
	return changes
}

func findMarkChanges(changes []Change, from, to *Ruleset) {
	attributions := newAttributions(changes)
	structure := anyStructure(changes)
	for _, family := range Families() {
		before, after := from.markChains(family), to.markChains(family)
		var vips map[netip.Addr]bool
		if structure {
			vips = vipsOf(before)
		} else {
			vips = vipsIn(changes, family)
		}
		for _, vip := range slices.SortedFunc(maps.Keys(vips), netip.Addr.Compare) {
			for _, markChange := range markChanges(vip, marksOf(vip, before), marksOf(vip, after)) {
				c := attributions.of(markChange)
				c.MarkChanges = append(c.MarkChanges, markChange)
			}
		}
	}
}

// anyStructure reports whether anything but elements changes. Elements are those
// of their own VIPs and concern no others, of which there may be many.
func anyStructure(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.set == nil })
}

// vipsIn are the VIPs of the elements that change.
func vipsIn(changes []Change, family Family) map[netip.Addr]bool {
	vips := map[netip.Addr]bool{}
	for _, c := range changes {
		if c.table.Family != family || !c.set.hasVIPs() {
			continue
		}
		if vip, ok := c.set.vip(c.element); ok {
			vips[vip] = true
		}
	}
	return vips
}

// markChanges are the stretches of ports whose mark is another one afterwards.
func markChanges(vip netip.Addr, before, after []MarkedPorts) []MarkChange {
	var list []MarkChange
	for _, was := range before {
		rest := int(was.Low) // of the range, what is not dealt with yet
		for _, is := range after {
			if !is.Overlaps(was.PortRange) {
				continue
			}
			list = appendMarkChange(list, vip, was, rest, int(is.Low)-1, 0)
			list = appendMarkChange(list, vip, was, max(int(is.Low), int(was.Low)), min(int(is.High), int(was.High)), is.Mark)
			rest = int(is.High) + 1
		}
		list = appendMarkChange(list, vip, was, rest, int(was.High), 0)
	}
	return list
}

func appendMarkChange(list []MarkChange, vip netip.Addr, was MarkedPorts, low, high int, to uint32) []MarkChange {
	if low > high || to == was.Mark {
		return list
	}
	was.Low, was.High = uint16(low), uint16(high)
	return append(list, MarkChange{vip, was, to})
}

package nft

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// A Shift is what becomes of packets to some ports of a VIP that are marked.
type Shift struct {
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
			c.Role = c.table.role(c.rule)
		}
	}
	findShifts(changes, from, to)
	findUntranslated(changes, from, to)
	findEndOfNAT(changes, from, to)
	return changes
}

func findShifts(changes []Change, from, to *Ruleset) {
	lines := linesByVIP(changes)
	structure := anyStructure(changes)
	for _, family := range config.Families() {
		before, after := from.markChains(family), to.markChains(family)
		var vips map[netip.Addr]bool
		if structure {
			vips = vipsOf(before)
		} else {
			vips = vipsIn(changes, family)
		}
		for _, vip := range slices.SortedFunc(maps.Keys(vips), netip.Addr.Compare) {
			for _, shift := range shifts(vip, marksOf(vip, before), marksOf(vip, after)) {
				c := carrier(changes, lines[vip], shift)
				c.Shifts = append(c.Shifts, shift)
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
func vipsIn(changes []Change, family config.Family) map[netip.Addr]bool {
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

// shifts are the stretches of ports whose mark is another one afterwards.
func shifts(vip netip.Addr, before, after []MarkedPorts) []Shift {
	var list []Shift
	for _, was := range before {
		rest := int(was.Low) // of the range, what is not dealt with yet
		for _, is := range after {
			if !is.Overlaps(was.PortRange) {
				continue
			}
			list = appendShift(list, vip, was, rest, int(is.Low)-1, 0)
			list = appendShift(list, vip, was, max(int(is.Low), int(was.Low)), min(int(is.High), int(was.High)), is.Mark)
			rest = int(is.High) + 1
		}
		list = appendShift(list, vip, was, rest, int(was.High), 0)
	}
	return list
}

func appendShift(list []Shift, vip netip.Addr, was MarkedPorts, low, high int, to uint32) []Shift {
	if low > high || to == was.Mark {
		return list
	}
	was.Low, was.High = uint16(low), uint16(high)
	return append(list, Shift{vip, was, to})
}

// linesByVIP finds the changes that take away or edit elements of VIPs.
func linesByVIP(changes []Change) map[netip.Addr][]int {
	lines := map[netip.Addr][]int{}
	for i, c := range changes {
		if c.Op == Add || c.set == nil || !c.set.hasVIPs() {
			continue
		}
		if vip, ok := c.set.vip(c.element); ok {
			lines[vip] = append(lines[vip], i)
		}
	}
	return lines
}

// carrier is the change that is to tell of a shift: that of the VIP's element
// which held the mark, or another one of the VIP's; else the deletion of a rule
// for such ports; else, for it must not be lost, any.
func carrier(changes []Change, ofVIP []int, shift Shift) *Change {
	for _, i := range ofVIP {
		if changes[i].holds(shift.Mark) {
			return &changes[i]
		}
	}
	if len(ofVIP) > 0 {
		return &changes[ofVIP[0]]
	}
	last := len(changes) - 1
	for i := range changes {
		switch c := &changes[i]; {
		case c.Role == Marking && c.tests(shift.PortRange):
			return c
		case c.Op != Add:
			last = i
		}
	}
	return &changes[last]
}

// holds reports whether the element's value was the mark.
func (c *Change) holds(mark uint32) bool {
	data := c.element.parts().data
	return len(data) == 4 && hostOrdered(data) == mark
}

// tests reports whether the rule is for such ports.
func (c *Change) tests(ports config.PortRange) bool {
	test, ok := c.table.markTest(c.rule)
	return !ok || slices.ContainsFunc(test.ports, ports.Overlaps) // not ok: it is for all
}

package nft

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// attributions find the change of the diff that a mark change is reported with.
type attributions struct {
	changes []Change
	vips    map[netip.Addr]int // the first change that takes away or edits an element of the VIP
	held    map[heldMark]int   // the first of them whose element had the mark
	marking []int              // deletions of rules that mark
	last    int                // the last change that is no addition; else the last
}

// A heldMark is a mark that an element gave to a VIP.
type heldMark struct {
	vip  netip.Addr
	mark uint32
}

func newAttributions(changes []Change) *attributions {
	c := &attributions{changes: changes, vips: map[netip.Addr]int{}, held: map[heldMark]int{}, last: len(changes) - 1}
	for i := range changes {
		if changes[i].Op != Add {
			c.last = i
			c.take(i)
		}
	}
	return c
}

// take takes note of a change that is no addition.
func (c *attributions) take(i int) {
	change := &c.changes[i]
	if change.RuleKind == RuleMarks {
		c.marking = append(c.marking, i)
	}
	if change.set == nil || !change.set.hasVIPs() {
		return
	}
	vip, ok := change.set.vip(change.element)
	if !ok {
		return
	}
	if _, known := c.vips[vip]; !known {
		c.vips[vip] = i
	}
	if data := change.element.parts().data; len(data) == 4 {
		held := heldMark{vip, hostOrdered(data)}
		if _, known := c.held[held]; !known {
			c.held[held] = i
		}
	}
}

// of is the change that a mark change is reported with: that of the VIP's element which held the
// mark, or another one of the VIP's; else the deletion of a rule for such ports;
// else, for it must not be lost, any.
func (c *attributions) of(markChange MarkChange) *Change {
	if i, ok := c.held[heldMark{markChange.VIP, markChange.Mark}]; ok {
		return &c.changes[i]
	}
	if i, ok := c.vips[markChange.VIP]; ok {
		return &c.changes[i]
	}
	for _, i := range c.marking {
		if change := &c.changes[i]; change.tests(markChange.PortRange) {
			return change
		}
	}
	return &c.changes[c.last]
}

// tests reports whether the rule is for such ports.
func (c *Change) tests(ports config.PortRange) bool {
	test, ok := c.table.markTest(c.rule)
	return !ok || slices.ContainsFunc(test.ports, ports.Overlaps) // not ok: it is for all
}

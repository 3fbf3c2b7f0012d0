package impact

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// findMarkChanges compares the marks of all VIPs that the changes affect, and attributes
// each markChange to the change that causes it.
func (c *consequences) findMarkChanges(before, after *nft.Ruleset) {
	attributions := newAttributions(c)
	attributions.selected = c.changedSelections(before, after)
	var vips []netip.Addr // nil: all
	if len(attributions.selected) == 0 && !c.changeStructure() {
		var all bool
		if vips, all = c.changedVIPs(); all {
			vips = nil
		} else if len(vips) == 0 {
			return
		}
	}
	old := marksWith(before, vips)
	compared := old.vips(vips)
	if vips == nil && old.hasNetworks() {
		compared = nil
	} else if len(compared) == 0 {
		return
	}
	next := marksWith(after, compared)
	for _, part := range old.parts(next, compared) {
		for _, change := range old.changes(part, next) {
			found := c.at(attributions.of(change))
			found.markChanges = append(found.markChanges, change)
		}
	}
}

// changeStructure reports whether anything but elements changes. An element affects its
// own VIP only, so that the other VIPs need not be compared.
func (c *consequences) changeStructure() bool {
	return slices.ContainsFunc(c.changes, func(change nft.Change) bool { return !change.Object().IsElement() })
}

// changedVIPs returns the VIPs of the changed elements. all reports that networks or ports
// change, so that marks of all VIPs must be compared.
func (c *consequences) changedVIPs() (vips []netip.Addr, all bool) {
	for i := range c.changes {
		if entry, ok := c.changes[i].Object().VIPEntry(); ok {
			vips = append(vips, entry.First)
			all = all || !entry.IsSingle()
		}
		if _, ok := c.changes[i].Object().PortMark(); ok {
			all = true
		}
	}
	return vips, all
}

// attributions finds the change that causes a markChange. Its values are indexes of
// changes.
type attributions struct {
	changes   []nft.Change
	vips      map[netip.Addr]int // the first change that deletes or edits an element of the VIP
	marks     map[vipMark]int    // the first change of vips whose element had the mark
	networks  []networkChange    // changes that delete or edit networks
	ports     []portChange       // changes that delete or edit ports of shards
	markRules []int              // deletions of rules that mark
	selected  []int              // see changedSelections
	last      int                // the last change that is not an addition; else the last change
}

// A vipMark is a VIP and its mark in an element.
type vipMark struct {
	vip  netip.Addr
	mark uint32
}

// A networkChange is the index of a change, and what it deletes.
type networkChange struct {
	nft.VIPEntry
	at int
}

// A portChange is the index of a change, and what it deletes.
type portChange struct {
	nft.PortMark
	at int
}

func newAttributions(c *consequences) *attributions {
	a := &attributions{changes: c.changes, vips: map[netip.Addr]int{}, marks: map[vipMark]int{}, last: len(c.changes) - 1}
	for i := range c.changes {
		if c.changes[i].Op != nft.Add {
			a.last = i
			a.add(i, c.kinds[i])
		}
	}
	return a
}

// add indexes a change that deletes or edits something.
func (a *attributions) add(i int, kind ruleKind) {
	if kind == ruleMarks {
		a.markRules = append(a.markRules, i)
	}
	if ports, ok := a.changes[i].Before.PortMark(); ok {
		a.ports = append(a.ports, portChange{ports, i})
	}
	entry, ok := a.changes[i].Before.VIPEntry()
	if !ok {
		return
	}
	if a.changes[i].Before.Interval != nil {
		a.networks = append(a.networks, networkChange{entry, i})
		return
	}
	if _, known := a.vips[entry.First]; !known {
		a.vips[entry.First] = i
	}
	if entry.Chain == "" {
		mark := vipMark{entry.First, entry.Mark}
		if _, known := a.marks[mark]; !known {
			a.marks[mark] = i
		}
	}
}

// of returns the change that removed the mark of the VIP; else another change of an element
// of the VIP; else the deletion of a rule for the ports; else a change of the conditions of a
// rule; else the last change, so that each markChange is reported.
func (a *attributions) of(change markChange) int {
	if i, ok := a.marks[vipMark{change.vips.First, change.Mark}]; ok {
		return i
	}
	if i, ok := a.vips[change.vips.First]; ok {
		return i
	}
	for _, mark := range []uint32{change.Mark, 0} { // 0: of a verdict map
		for _, n := range a.networks {
			if n.Mark == mark && n.Overlaps(change.vips) {
				return n.at
			}
		}
	}
	for _, p := range a.ports {
		if p.Mark == change.Mark && p.Overlaps(change.PortRange) && a.isOf(p.at, change) {
			return p.at
		}
	}
	return a.ofRules(change)
}

// ofRules is of for changes of rules.
func (a *attributions) ofRules(change markChange) int {
	for _, i := range a.markRules {
		if a.isOf(i, change) && isFor(a.changes[i].Before, change.PortRange) {
			return i
		}
	}
	for _, i := range a.selected {
		if a.isOf(i, change) {
			return i
		}
	}
	return a.last
}

// isOf reports whether the change is in the table of the VIP's family: ports and marks are the same
// in both.
func (a *attributions) isOf(i int, change markChange) bool {
	return specFamily(a.changes[i].Object().Table.Family) == change.vips.Family()
}

// isFor reports whether the rule marks packets to some of the ports.
func isFor(o nft.Object, ports config.PortRange) bool {
	rule, ok := o.Table.MarkRule(o.Rule)
	return !ok || slices.ContainsFunc(rule.Ports, ports.Meets) // not ok: the rule is for all ports
}

package nft

import "slices"

// compareElements compares the elements of a hash: added, deleted, and with a new value.
//
// A transaction changes a value by a delete and an add of the same key. A concurrent lookup
// may find neither: it skips the new element, as it began in the previous generation, and
// the kernel unlinks the old element before the lookup reaches it (nft_hash_lookup_fast in
// net/netfilter/nft_set_hash.c; Linux 6.17 repeats the lookup). So a set that rules look up
// is replaced as a whole.
func (d *tableDifference) compareElements(old, next *Set) {
	e := differentElements(old, next)
	if len(e.added) > 0 {
		d.changes.addLater(func(list []Change) []Change { return d.next.elementChanges(list, Add, next, e.added) })
	}
	if len(e.changed) > 0 {
		d.changes.addLater(func(list []Change) []Change { return d.elementEdits(list, old, next, e) })
	}
	if len(e.deleted) > 0 {
		d.changes.addLater(func(list []Change) []Change { return d.old.elementChanges(list, Delete, old, e.deleted) })
	}
	d.fill = append(d.fill, d.next.newElements(next, e.added)...)
	d.switches = append(d.switches, d.next.delElements(next, e.changed)...)
	d.switches = append(d.switches, d.next.newElements(next, e.changed)...)
	d.drop = append(d.drop, d.next.delElements(next, e.deleted)...)
	if len(e.changed) > 0 && !isLedgerSet(next.Name) && sameSet(old, next) {
		d.replace(next)
	}
	d.track(next, e.added, e.deleted)
}

// An elementDifference is the difference between two hashes.
type elementDifference struct {
	added, deleted  []Element
	before, changed []Element // same keys, old and new values
}

func differentElements(old, next *Set) (d elementDifference) {
	a, b := next.sorted(old.Elements), next.sorted(next.Elements)
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = next.compareKeys(a[0], b[0])
		}
		switch {
		case order < 0:
			d.deleted = append(d.deleted, a[0])
			a = a[1:]
		case order > 0:
			d.added = append(d.added, b[0])
			b = b[1:]
		default:
			if !sameRest(a[0].Rest, b[0].Rest) {
				d.before, d.changed = append(d.before, a[0]), append(d.changed, b[0])
			}
			a, b = a[1:], b[1:]
		}
	}
	return d
}

// compareAnyElements compares the elements of a replaced set. Either set may have
// intervals.
func (d *tableDifference) compareAnyElements(old, next *Set) {
	if old.isInterval() || next.isInterval() {
		d.listIntervals(old, next)
		return
	}
	d.compareElements(old, next)
}

func (d *tableDifference) elementEdits(changes []Change, old, next *Set, e elementDifference) []Change {
	where := d.next.setName(next)
	for i := range e.changed {
		c := edit(Object{Table: d.old, Set: old, Element: &e.before[i]}, Object{Table: d.next, Set: next, Element: &e.changed[i]})
		c.where = where
		changes = append(changes, c)
	}
	return changes
}

// compareIntervals replaces all elements of a set of intervals in one transaction: the
// kernel refuses overlapping intervals, even if the same transaction deletes one later.
func (d *tableDifference) compareIntervals(old, next *Set) {
	if slices.Equal(old.Elements, next.Elements) {
		return
	}
	d.listIntervals(old, next)
	d.switches = append(d.switches, d.next.flushSet(next))
	d.switches = append(d.switches, d.next.newElements(next, next.Elements)...)
}

func (d *tableDifference) listIntervals(old, next *Set) {
	before, after := old.listed(), next.listed()
	for _, c := range d.next.intervalChanges(nil, Add, next, without(after, before)) {
		d.changes.add(c)
	}
	for _, c := range d.old.intervalChanges(nil, Delete, old, without(before, after)) {
		d.changes.add(c)
	}
}

// without returns the intervals that are not in others.
func without(intervals, others []Interval) []Interval {
	known := make(map[string]bool, len(others))
	for _, other := range others {
		known[other.text] = true
	}
	return slices.DeleteFunc(slices.Clone(intervals), func(i Interval) bool { return known[i.text] })
}

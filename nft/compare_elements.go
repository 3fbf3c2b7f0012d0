package nft

import "slices"

// compareElements finds the elements of a hash that come, go, or get another
// value; the kernel takes them one by one.
//
// Another value is a delete and an add of the same key. A packet that meets both
// on its way along the bucket may find neither: it passes over the new one, for
// it began in the generation before, and the old one is unlinked before it comes
// there (nft_hash_lookup_fast in net/netfilter/nft_set_hash.c; Linux 6.17 looks
// once more). So a set that packets meet is replaced as a whole.
func (d *tableDifference) compareElements(old, next *Set) {
	before := make(map[string]string, len(old.Elements))
	for _, e := range old.Elements {
		before[e.Key] = e.Rest
	}
	var added, changed, deleted []Element
	for _, e := range next.Elements {
		rest, ok := before[e.Key]
		delete(before, e.Key)
		switch {
		case !ok:
			added = append(added, e)
		case rest != e.Rest:
			changed = append(changed, e)
			d.changes = append(d.changes, d.elementEdit(old, next, Element{e.Key, rest}, e))
		}
	}
	for _, e := range old.Elements {
		if _, ok := before[e.Key]; ok {
			deleted = append(deleted, e)
		}
	}
	d.changes = append(d.changes, d.next.elementChanges(Add, next, added)...)
	d.changes = append(d.changes, d.old.elementChanges(Delete, old, deleted)...)
	d.made = append(d.made, d.next.newElements(next, added)...)
	d.turned = append(d.turned, d.next.delElements(next, changed)...)
	d.turned = append(d.turned, d.next.newElements(next, changed)...)
	d.gone = append(d.gone, d.next.delElements(next, deleted)...)
	if len(changed) > 0 && !inLedger(next.Name) && sameSet(old, next) {
		d.replace(next)
	}
	d.track(next, added, deleted)
}

// compareAnyElements is for sets of which one or both have intervals, and that
// come by way of a copy.
func (d *tableDifference) compareAnyElements(old, next *Set) {
	if old.isInterval() || next.isInterval() {
		d.listIntervals(old, next)
		return
	}
	d.compareElements(old, next)
}

func (d *tableDifference) elementEdit(old, next *Set, before, after Element) Change {
	c := Change{
		Op: Edit, Kind: "element", Where: d.next.setName(next),
		Before: old.elementText(before), After: next.elementText(after),
	}
	c.of(d.old, old, before)
	return c
}

// track finds VIPs that move from one map to another.
func (d *tableDifference) track(s *Set, added, deleted []Element) {
	if inLedger(s.Name) {
		return
	}
	for _, e := range added {
		d.moved = d.moved || d.wentKeys[e.Key]
		d.cameKeys[e.Key] = true
	}
	for _, e := range deleted {
		d.moved = d.moved || d.cameKeys[e.Key]
		d.wentKeys[e.Key] = true
	}
}

// compareIntervals writes a set of intervals anew as a whole, in one
// transaction: the kernel refuses an interval that overlaps one that is there,
// even when that goes in the same transaction later.
func (d *tableDifference) compareIntervals(old, next *Set) {
	if slices.Equal(old.Elements, next.Elements) {
		return
	}
	d.listIntervals(old, next)
	d.turned = append(d.turned, d.next.flushSet(next))
	d.turned = append(d.turned, d.next.newElements(next, next.Elements)...)
}

func (d *tableDifference) listIntervals(old, next *Set) {
	before, after := old.elementTexts(), next.elementTexts()
	d.changes = append(d.changes, d.next.intervalChanges(Add, next, without(after, before))...)
	d.changes = append(d.changes, d.old.intervalChanges(Delete, old, without(before, after))...)
}

// without are the texts that others lacks.
func without(texts, others []string) []string {
	known := make(map[string]bool, len(others))
	for _, text := range others {
		known[text] = true
	}
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return known[text] })
}

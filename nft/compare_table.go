package nft

import (
	"slices"
)

func compareTables(old, next *Table, temporary string) *tableDifference {
	d := &tableDifference{old: old, next: next, temporary: temporary, addedKeys: map[string]bool{}, deletedKeys: map[string]bool{}}
	if !sameTable(old, next) {
		d.viaCopy = true
		d.changes.add(edit(Object{Table: old}, Object{Table: next}))
	}
	d.compareSets()
	d.compareChains()
	d.compareUnmanaged()
	return d
}

func (d *tableDifference) compareSets() {
	for _, s := range d.next.Sets {
		old := d.old.Set(s.Name)
		switch {
		case old == nil:
			d.changes.later(func(list []Change) []Change { return d.next.setChanges(list, Add, s) })
			d.structure = d.structure || !inLedger(s.Name)
			d.fill = append(d.fill, createContents(d.next, []*Set{s}, nil)...)
		case !sameSet(old, s):
			d.changes.add(edit(Object{Table: d.old, Set: old}, Object{Table: d.next, Set: s}))
			d.replace(s)
			d.compareAnyElements(old, s)
		case s.isInterval():
			d.compareIntervals(old, s)
		default:
			d.compareElements(old, s)
		}
	}
	for _, s := range d.old.Sets {
		if d.next.Set(s.Name) == nil {
			d.changes.later(func(list []Change) []Change { return d.old.setChanges(list, Delete, s) })
			d.structure = d.structure || !inLedger(s.Name)
		}
	}
}

func (d *tableDifference) compareChains() {
	for _, c := range d.next.Chains {
		old := d.old.Chain(c.Name)
		switch {
		case old == nil:
			d.changes.later(func(list []Change) []Change { return d.next.chainChanges(list, Add, c) })
			d.structure = true
			d.create = append(d.create, d.next.newChain(c))
			d.fill = append(d.fill, createContents(d.next, nil, []*Chain{c})...)
		case sameChain(old, c):
			d.compareRules(old, c)
		default:
			d.changes.add(edit(Object{Table: d.old, Chain: old}, Object{Table: d.next, Chain: c}))
			d.viaCopy = true
			d.compareRules(old, c)
		}
	}
	for _, c := range d.old.Chains {
		if d.next.Chain(c.Name) == nil {
			d.changes.later(func(list []Change) []Change { return d.old.chainChanges(list, Delete, c) })
			d.structure = true
		}
	}
	d.deleteUnused()
}

// deleteUnused deletes the chains and sets that next does not have. Chains and sets
// may name each other: it deletes rules first, then sets, then chains.
func (d *tableDifference) deleteUnused() {
	var chains []*Chain
	for _, c := range d.old.Chains {
		if d.next.Chain(c.Name) == nil {
			chains = append(chains, c)
			for _, r := range c.Rules {
				d.drop = append(d.drop, d.old.delRule(c, r))
			}
		}
	}
	for _, s := range d.old.Sets {
		if d.next.Set(s.Name) == nil {
			d.drop = append(d.drop, d.old.delSet(s))
		}
	}
	for _, c := range chains {
		d.drop = append(d.drop, d.old.delChain(c))
	}
}

func (d *tableDifference) compareUnmanaged() {
	for i := range d.next.Unmanaged {
		if s := &d.next.Unmanaged[i]; !d.old.hasUnmanaged(*s) {
			d.changes.add(whole(Add, Object{Table: d.next, Unmanaged: s}))
			d.structure = true
			d.create = append(d.create, d.next.newUnmanaged(*s))
		}
	}
	for i := range d.old.Unmanaged {
		if s := &d.old.Unmanaged[i]; !d.next.hasUnmanaged(*s) {
			d.changes.add(whole(Delete, Object{Table: d.old, Unmanaged: s}))
			d.structure = true
			d.drop = append(d.drop, d.old.delUnmanaged(*s))
		}
	}
}

func (t *Table) hasUnmanaged(s Unmanaged) bool {
	return slices.ContainsFunc(t.Unmanaged, func(o Unmanaged) bool { return o.Kind == s.Kind && o.Name == s.Name })
}

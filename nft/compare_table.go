package nft

import (
	"reflect"
	"slices"
)

func compareTables(old, next *Table, temporary string) *tableDifference {
	d := &tableDifference{old: old, next: next, temporary: temporary, addedKeys: map[string]bool{}, deletedKeys: map[string]bool{}}
	if !sameTable(old, next) {
		d.viaCopy = true
		d.changes.add(edit(Object{Table: old}, Object{Table: next}))
	}
	d.viaCopy = d.viaCopy || next.takesNameOf(old)
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
			d.changes.addLater(func(list []Change) []Change { return d.next.setChanges(list, Add, s) })
			d.structure = d.structure || !isLedgerSet(s.Name)
			d.staged = d.staged || s.mayMissElements()
			d.fill = append(d.fill, createContents(d.next, []*Set{s}, nil)...)
		case !sameSet(old, s):
			d.changes.add(edit(Object{Table: d.old, Set: old}, Object{Table: d.next, Set: s}))
			d.replace(s)
			d.compareAnyElements(old, s)
		case s.isVolatile():
		case s.isInterval():
			d.compareIntervals(old, s)
		default:
			d.compareElements(old, s)
		}
	}
	for _, s := range d.old.Sets {
		if d.next.Set(s.Name) == nil {
			d.changes.addLater(func(list []Change) []Change { return d.old.setChanges(list, Delete, s) })
			d.structure = d.structure || !isLedgerSet(s.Name)
		}
	}
}

func (d *tableDifference) compareChains() {
	for _, c := range d.next.Chains {
		old := d.old.Chain(c.Name)
		switch {
		case old == nil:
			d.changes.addLater(func(list []Change) []Change { return d.next.chainChanges(list, Add, c) })
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
			d.changes.addLater(func(list []Change) []Change { return d.old.chainChanges(list, Delete, c) })
			d.structure = true
		}
	}
	d.deleteUnused()
}

// deleteUnused deletes the chains and sets that next does not have. They may refer to each
// other, so it deletes rules first, then sets, then chains.
func (d *tableDifference) deleteUnused() {
	var chains []*Chain
	for _, c := range d.old.Chains {
		if d.next.Chain(c.Name) == nil {
			chains = append(chains, c)
			for _, r := range c.Rules {
				d.deleteRule(&d.drop, c, r)
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
			d.changes.add(addOrDelete(Add, Object{Table: d.next, Unmanaged: s}))
			d.structure = true
			d.create = append(d.create, d.next.newUnmanaged(s))
		}
	}
	for i := range d.old.Unmanaged {
		if s := &d.old.Unmanaged[i]; !d.next.hasUnmanaged(*s) {
			d.changes.add(addOrDelete(Delete, Object{Table: d.old, Unmanaged: s}))
			d.structure = true
			d.drop = append(d.drop, d.old.delUnmanaged(*s))
		}
	}
}

func (t *Table) hasUnmanaged(s Unmanaged) bool {
	return slices.ContainsFunc(t.Unmanaged, func(o Unmanaged) bool { return o.Kind == s.Kind && o.Name == s.Name })
}

// A tableDifference is the difference between two states of a table.
//
// A packet is evaluated by the rules of the generation in which it entered the chain, but
// its lookups see the elements of the current generation (net/netfilter/nf_tables_core.c,
// nft_do_chain and the genmask in nft_set lookups). So a transaction must not delete
// objects that the previous rules still need: lvsmark first creates the new objects, then
// switches rules and verdicts to them, and then deletes the old ones.
type tableDifference struct {
	old, next *Table
	temporary string // free name for a copy of the table
	changes   lazyChanges

	viaCopy   bool      // the kernel cannot change the table in place
	ordered   bool      // sets get the order of next
	replaced  []*Set    // sets of next that the kernel cannot change in place
	clear     []message // rules with an anonymous set that has the name of a new set
	create    []message // new chains, without rules, and unmanaged objects; elements and rules may refer to them
	fill      []message // new sets and elements; rules of new chains
	switches  []message // rules of kept chains, intervals, values in the ledger
	drop      []message // unused elements, sets and chains
	structure bool      // not only elements differ
	staged    bool      // the switch needs a transaction of its own; see mayMissElements
	moved     bool      // an address moves from one set to another

	addedKeys, deletedKeys map[string]bool
}

// replace marks a set to be recreated. The ledger must always exist under its own name, so
// its sets are replaced with the whole table.
func (d *tableDifference) replace(s *Set) {
	d.replaced = append(d.replaced, s)
	d.viaCopy = d.viaCopy || isLedgerSet(s.Name)
}

// track detects VIPs that move from one map to another.
func (d *tableDifference) track(s *Set, added, deleted []Element) {
	if isLedgerSet(s.Name) {
		return
	}
	for _, e := range added {
		d.moved = d.moved || d.deletedKeys[e.Key]
		d.addedKeys[e.Key] = true
	}
	for _, e := range deleted {
		d.moved = d.moved || d.addedKeys[e.Key]
		d.deletedKeys[e.Key] = true
	}
}

// sameSet reports whether the sets are equal apart from their elements.
func sameSet(a, b *Set) bool {
	x, y := *a, *b
	x.Elements, y.Elements = nil, nil
	x.userdata, y.userdata = nil, nil
	x.expirations, y.expirations = nil, nil
	x.copyOf, y.copyOf = nil, nil
	x.devices, y.devices = nil, nil
	return reflect.DeepEqual(x, y)
}

// sameChain reports whether the chains are equal apart from their rules.
func sameChain(a, b *Chain) bool {
	x, y := *a, *b
	x.Rules, y.Rules = nil, nil
	return reflect.DeepEqual(x, y)
}

func sameTable(a, b *Table) bool { return a.Flags == b.Flags && a.Comment == b.Comment }

package nft

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A tableDifference is what turns a table into its next form.
//
// A packet on its way through the rules keeps the rules of the generation in
// which it entered the chain, but looks elements up in the generation of that
// moment (net/netfilter/nf_tables_core.c, nft_do_chain and the genmask in
// nft_set lookups). So a transaction must leave alone what the rules before it
// still need: first comes what is new, then rules and verdicts turn to it, and
// only then goes what is old.
type tableDifference struct {
	old, next *Table
	temporary string // a name that no table of lvsmark's has
	changes   listing

	viaCopy   bool      // the kernel cannot turn one into the other in place
	replaced  []*Set    // nor these sets, as they are to be
	create    []message // new chains and unmanaged objects, still empty: elements and rules may name them
	fill      []message // new sets and elements, rules of new chains
	switches  []message // rules of chains that stay, intervals, values in the ledger
	drop      []message // elements, sets and chains that nobody asks any more
	structure bool      // more than elements differs
	moved     bool      // an address leaves one set and comes into another

	cameKeys, wentKeys map[string]bool
}

func compareTables(old, next *Table, temporary string) *tableDifference {
	d := &tableDifference{old: old, next: next, temporary: temporary, cameKeys: map[string]bool{}, wentKeys: map[string]bool{}}
	if !sameTable(old, next) {
		d.viaCopy = true
		d.changes.add(edit(Object{Table: old}, Object{Table: next}))
	}
	d.compareSets()
	d.compareChains()
	d.compareUnmanaged()
	return d
}

// transactions are those of the difference, none of which loses a packet.
func (d *tableDifference) transactions() [][]message {
	made := slices.Concat(d.create, d.fill)
	switch {
	case len(d.changes) == 0:
		return nil
	case d.viaCopy:
		return d.replaceByCopy()
	case len(d.replaced) > 0:
		return d.replaceByTemporary()
	case !d.structure && !d.moved:
		return [][]message{slices.Concat(made, d.switches, d.drop)}
	}
	return [][]message{slices.Concat(made, d.switches), d.drop}
}

// replaceByCopy replaces the table by way of a copy under another name, so that
// one of the two marks packets at any time.
func (d *tableDifference) replaceByCopy() [][]message {
	beside := *d.next
	beside.Name = d.temporary
	return [][]message{
		createTable(&beside),
		{d.old.delTable()},
		createTable(d.next),
		{beside.delTable()},
	}
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

// replace puts a new set in the place of the old one. The ledger must be found
// at any time, under its own name.
func (d *tableDifference) replace(s *Set) {
	d.replaced = append(d.replaced, s)
	d.viaCopy = d.viaCopy || inLedger(s.Name)
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
	d.clear()
}

// clear takes away the chains and sets that nobody asks any more. Chains and
// sets may name each other: rules go first, then sets, then chains.
func (d *tableDifference) clear() {
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

func (t *Table) describe() string {
	var words []string
	if t.Flags&unix.NFT_TABLE_F_DORMANT != 0 {
		words = append(words, "flags dormant")
	}
	if t.Comment != "" {
		words = append(words, fmt.Sprintf("comment %q", t.Comment))
	}
	return strings.TrimSpace(t.id() + " { " + strings.Join(words, "; ") + " }")
}

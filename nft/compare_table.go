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
	spare     string // a name that no table of lvsmark's has
	changes   listing

	detour    bool      // the kernel cannot turn one into the other in place
	replaced  []*Set    // nor these sets, as they are to be
	named     []message // new chains and strays, still empty: elements and rules may name them
	made      []message // new sets and elements, rules of new chains
	turned    []message // rules of chains that stay, intervals, values in the ledger
	gone      []message // elements, sets and chains that nobody asks any more
	structure bool      // more than elements differs
	moved     bool      // an address leaves one set and comes into another

	cameKeys, wentKeys map[string]bool
}

func compareTables(old, next *Table, spare string) *tableDifference {
	d := &tableDifference{old: old, next: next, spare: spare, cameKeys: map[string]bool{}, wentKeys: map[string]bool{}}
	if !sameTable(old, next) {
		d.detour = true
		d.changes.add(Change{Op: Edit, Kind: "table", Before: old.describe(), After: next.describe()})
	}
	d.compareSets()
	d.compareChains()
	d.compareStrays()
	return d
}

// transactions are those of the difference, none of which loses a packet.
func (d *tableDifference) transactions() [][]message {
	made := slices.Concat(d.named, d.made)
	switch {
	case len(d.changes) == 0:
		return nil
	case d.detour:
		return d.aroundByCopy()
	case len(d.replaced) > 0:
		return d.aroundBySpares()
	case !d.structure && !d.moved:
		return [][]message{slices.Concat(made, d.turned, d.gone)}
	}
	return [][]message{slices.Concat(made, d.turned), d.gone}
}

// aroundByCopy replaces the table by way of a copy under another name, so that
// one of the two marks packets at any time.
func (d *tableDifference) aroundByCopy() [][]message {
	beside := *d.next
	beside.Name = d.spare
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
			d.made = append(d.made, createContents(d.next, []*Set{s}, nil)...)
		case !sameSet(old, s):
			d.changes.add(Change{Op: Edit, Kind: s.Kind(), Where: d.next.String(), Before: old.head(), After: s.head()})
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
	d.detour = d.detour || inLedger(s.Name)
}

func (d *tableDifference) compareChains() {
	for _, c := range d.next.Chains {
		old := d.old.Chain(c.Name)
		switch {
		case old == nil:
			d.changes.later(func(list []Change) []Change { return d.next.chainChanges(list, Add, c) })
			d.structure = true
			d.named = append(d.named, d.next.newChain(c))
			d.made = append(d.made, createContents(d.next, nil, []*Chain{c})...)
		case sameChain(old, c):
			d.compareRules(old, c)
		default:
			d.changes.add(Change{Op: Edit, Kind: "chain", Where: d.next.String(), Before: old.head(), After: c.head()})
			d.detour = true
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
				d.gone = append(d.gone, d.old.delRule(c, r))
			}
		}
	}
	for _, s := range d.old.Sets {
		if d.next.Set(s.Name) == nil {
			d.gone = append(d.gone, d.old.delSet(s))
		}
	}
	for _, c := range chains {
		d.gone = append(d.gone, d.old.delChain(c))
	}
}

func (d *tableDifference) compareStrays() {
	for _, s := range d.next.Strays {
		if !d.old.hasStray(s) {
			d.changes.add(whole(Add, s.Kind, d.next.String(), s.Name))
			d.structure = true
			d.named = append(d.named, d.next.newStray(s))
		}
	}
	for _, s := range d.old.Strays {
		if !d.next.hasStray(s) {
			d.changes.add(whole(Delete, s.Kind, d.old.String(), s.Name))
			d.structure = true
			d.gone = append(d.gone, d.old.delStray(s))
		}
	}
}

func (t *Table) hasStray(s Stray) bool {
	return slices.ContainsFunc(t.Strays, func(o Stray) bool { return o.Kind == s.Kind && o.Name == s.Name })
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

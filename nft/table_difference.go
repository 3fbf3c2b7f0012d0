package nft

import "reflect"

// A tableDifference is the difference between a table and its next form.
//
// A packet meets the rules of the generation in which it entered the chain, but its
// lookups find the elements of the present generation (net/netfilter/nf_tables_core.c,
// nft_do_chain and the genmask in nft_set lookups). So a transaction must not delete
// what the rules before it still need: first lvsmark creates the new objects, then it
// switches rules and verdicts to them, and only then it deletes the old ones.
type tableDifference struct {
	old, next *Table
	temporary string // a name that no table of lvsmark has
	changes   listing

	viaCopy   bool      // the kernel cannot change the table in place
	replaced  []*Set    // nor these sets; as in next
	create    []message // new chains and unmanaged objects, still empty: elements and rules may name them
	fill      []message // new sets and elements, rules of new chains
	switches  []message // rules of kept chains, intervals, values in the ledger
	drop      []message // elements, sets and chains that no rule needs any more
	structure bool      // more than elements differs
	moved     bool      // an address moves from one set to another

	addedKeys, deletedKeys map[string]bool
}

// replace recreates the set. lvsmark must find the ledger under its own name at any
// time, so its sets are replaced with the whole table.
func (d *tableDifference) replace(s *Set) {
	d.replaced = append(d.replaced, s)
	d.viaCopy = d.viaCopy || inLedger(s.Name)
}

// track finds VIPs that move from one map to another.
func (d *tableDifference) track(s *Set, added, deleted []Element) {
	if inLedger(s.Name) {
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

// sameSet reports whether the sets are the same but for their elements.
func sameSet(a, b *Set) bool {
	x, y := *a, *b
	x.Elements, y.Elements = nil, nil
	return reflect.DeepEqual(x, y)
}

// sameChain reports whether the chains are the same but for their rules.
func sameChain(a, b *Chain) bool {
	x, y := *a, *b
	x.Rules, y.Rules = nil, nil
	return reflect.DeepEqual(x, y)
}

func sameTable(a, b *Table) bool { return a.Flags == b.Flags && a.Comment == b.Comment }

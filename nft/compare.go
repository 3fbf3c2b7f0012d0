package nft

import (
	"reflect"
	"slices"
)

// A Difference is what turns one ruleset into another.
type Difference struct {
	from, to *Ruleset
	changes  listing

	// parts are the transactions of each table, which turn the one into the other
	// without a packet being marked by neither: what is new is committed before what
	// is old goes.
	parts []func() [][]message
	built [][]message // see transactions; nil: not yet
}

// Changes lists the difference. It makes the list anew each time.
func (d *Difference) Changes() []Change { return d.changes.changes() }

// Empty reports whether the rulesets are the same.
func (d *Difference) Empty() bool { return len(d.changes) == 0 }

// IsAtomic reports whether Commit is one transaction: nobody sees the ruleset
// between the two.
func (d *Difference) IsAtomic() bool { return len(d.transactions()) == 1 }

// Compare finds what turns the ruleset from, which must be from a Snapshot, into
// the ruleset to, whose form must be that of the kernel: from Rehearse or from
// another Snapshot.
func Compare(from, to *Ruleset) *Difference {
	d := &Difference{from: from, to: to}
	if from == to {
		return d
	}
	for _, old := range from.Tables {
		if to.Table(old.Family, old.Name) == nil {
			d.changes.later(func(list []Change) []Change { return old.changes(list, Delete) })
			// Behind the first transaction: another table may take over.
			d.parts = append(d.parts, func() [][]message { return [][]message{nil, {old.delTable()}} })
		}
	}
	for _, next := range to.Tables {
		old := from.Table(next.Family, next.Name)
		if old == nil {
			d.changes.later(func(list []Change) []Change { return next.changes(list, Add) })
			d.parts = append(d.parts, func() [][]message { return [][]message{createTable(next)} })
			continue
		}
		td := compareTables(old, next, temporaryName(from, next))
		d.changes = append(d.changes, td.changes...)
		d.parts = append(d.parts, td.transactions)
	}
	return d
}

// temporaryName is for a copy of the table. One of an earlier apply that was killed
// may still be there.
func temporaryName(r *Ruleset, t *Table) string {
	name := t.Name + "-next"
	for r.Table(t.Family, name) != nil {
		name += "-next"
	}
	return name
}

// transactions joins those of the tables: the first to the first, and so on, for
// tables do not depend on each other.
func (d *Difference) transactions() [][]message {
	if d.built != nil {
		return d.built
	}
	transactions := [][]message{}
	for _, part := range d.parts {
		for i, messages := range part() {
			if i == len(transactions) {
				transactions = append(transactions, nil)
			}
			transactions[i] = append(transactions[i], messages...)
		}
	}
	d.built = slices.DeleteFunc(transactions, func(m []message) bool { return len(m) == 0 })
	return d.built
}

// createAll is the transaction that makes the ruleset where there is none.
func createAll(r *Ruleset) []message {
	var messages []message
	for _, t := range r.Tables {
		messages = append(messages, createTable(t)...)
	}
	return messages
}

func createTable(t *Table) []message {
	messages := []message{t.newTable()}
	for _, s := range t.Unmanaged {
		messages = append(messages, t.newUnmanaged(s))
	}
	for _, c := range t.Chains {
		messages = append(messages, t.newChain(c))
	}
	return append(messages, createContents(t, t.Sets, t.Chains)...)
}

// createContents makes sets with their elements, then the rules of chains: a
// rule may name a set, an element may name a chain.
func createContents(t *Table, sets []*Set, chains []*Chain) []message {
	var messages []message
	for _, s := range sets {
		messages = append(messages, t.newSet(s, setID(t, s)))
		messages = append(messages, t.newElements(s, s.Elements)...)
	}
	for _, c := range chains {
		for _, r := range c.Rules {
			messages = append(messages, t.newRule(c, r, 0))
		}
	}
	return messages
}

// setID numbers sets within a transaction: the kernel wants a number for each.
func setID(t *Table, s *Set) uint32 {
	return uint32(t.Family)<<24 | uint32(slices.Index(t.Sets, s)+1)
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

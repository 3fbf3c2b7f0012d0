package nft

import (
	"cmp"
	"slices"
)

// A Difference is the difference between two rulesets. Commit applies it.
type Difference struct {
	from, to *Ruleset
	changes  lazyChanges

	// parts are the transactions of each table. Between them, either the old or the new
	// rules mark packets: lvsmark commits new objects before it deletes old ones.
	parts []func() [][]message
	built [][]message // result of transactions; nil before the first call
}

// Changes lists the difference. It builds a new list in each call.
func (d *Difference) Changes() []Change { return d.changes.changes() }

// Rulesets returns the compared rulesets.
func (d *Difference) Rulesets() (from, to *Ruleset) { return d.from, d.to }

// Empty reports whether the rulesets are equal.
func (d *Difference) Empty() bool { return len(d.changes) == 0 }

// IsAtomic reports whether Commit is one transaction, so that no process sees a ruleset
// between the two.
func (d *Difference) IsAtomic() bool { return len(d.transactions()) == 1 }

// Compare finds the difference between two rulesets. The first must be from a
// Snapshot. The second must have the form that the kernel gives it: from Rehearse or
// from another Snapshot.
func Compare(from, to *Ruleset) *Difference { return compare(from, to, false) }

// compareOrdered is Compare for a rollback: the sets also get the order of the second
// ruleset.
func compareOrdered(from, to *Ruleset) *Difference { return compare(from, to, true) }

func compare(from, to *Ruleset, ordered bool) *Difference {
	d := &Difference{from: from, to: to}
	if from == to {
		return d
	}
	for _, old := range from.Tables {
		if to.Table(old.Family, old.Name) == nil {
			d.changes.addLater(func(list []Change) []Change { return old.changes(list, Delete) })
			// In the second transaction: another table may replace it in the first one.
			d.parts = append(d.parts, func() [][]message { return [][]message{nil, {old.delTable()}} })
		}
	}
	for _, next := range to.Tables {
		old := from.Table(next.Family, next.Name)
		if old == nil {
			d.changes.addLater(func(list []Change) []Change { return next.changes(list, Add) })
			d.parts = append(d.parts, func() [][]message { return [][]message{createTable(next)} })
			continue
		}
		td := compareTables(old, next, temporaryName(from, next))
		if ordered {
			td.keepTargetOrder()
		}
		d.changes = append(d.changes, td.changes...)
		d.parts = append(d.parts, td.transactions)
	}
	return d
}

// temporaryName returns a free name for a copy of the table. The copy of a killed apply, or
// the table of another program, may have it.
func temporaryName(r *Ruleset, t *Table) string {
	return freeName(t.Name, func(name string) bool {
		return r.Table(t.Family, name) != nil || slices.Contains(r.foreign, TableName{t.Family, name})
	})
}

// transactions merges the transactions of the tables: all first transactions become one,
// and so on, since tables are independent.
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

// transactions returns the transactions of the difference. No packet is lost between them.
func (d *tableDifference) transactions() [][]message {
	additions := slices.Concat(d.clear, d.create, d.fill)
	switch {
	case len(d.changes) == 0:
		return nil
	case d.viaCopy:
		return d.replaceByCopy()
	case len(d.replaced) > 0:
		return d.replaceByTemporary()
	case !d.structure && !d.moved:
		return [][]message{slices.Concat(additions, d.switches, d.drop)}
	}
	return [][]message{slices.Concat(additions, d.switches), d.drop}
}

// replaceByCopy replaces the table through a copy under another name, so that one of the
// two marks packets at any time.
func (d *tableDifference) replaceByCopy() [][]message {
	copied := *d.next
	copied.Name = d.temporary
	copied.Comment = cmp.Or(copied.Comment, d.old.Comment) // a killed rollback leaves no unmarked copy
	return [][]message{
		createTable(&copied),
		{d.old.delTable()},
		createTable(d.next),
		{copied.delTable()},
	}
}

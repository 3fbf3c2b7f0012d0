package nft

import (
	"cmp"
	"slices"
	"strings"
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
	return append(d.staging(additions, d.switches), d.drop)
}

// staging returns the transactions that add objects and switch rules to them: one, or two
// if a map of networks is added.
func (d *tableDifference) staging(additions, switches []message) [][]message {
	if d.staged {
		return [][]message{additions, switches}
	}
	return [][]message{slices.Concat(additions, switches)}
}

// mayMissElements reports whether the set is one of intervals on which marks depend: a map
// from networks of VIPs or from ports, or client networks of only. If one transaction creates a set of
// intervals and the rules that look it up, packets with the new rules may find no element
// for a moment (seen on Linux 6.18 by integration/loss). So rules are switched to it one
// transaction later.
func (s *Set) mayMissElements() bool {
	return s.isInterval() && (s.hasVIPs() || s.isPortMap() || strings.HasPrefix(s.Name, clientsPrefix))
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
// kernel refuses overlapping intervals, even if the same transaction deletes one later. A
// map of VIPs is replaced as a whole, by way of a temporary copy, because a lookup during
// the transaction may find neither element; see compareElements.
func (d *tableDifference) compareIntervals(old, next *Set) {
	if slices.Equal(old.Elements, next.Elements) {
		return
	}
	d.listIntervals(old, next)
	if next.mayMissElements() {
		d.replace(next)
		return
	}
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

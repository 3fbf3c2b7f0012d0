package nft

import (
	"slices"
)

// An Op is the operation of a Change.
type Op string

// The operations of a Change.
const (
	Add    Op = "add"
	Delete Op = "delete"
	Edit   Op = "edit"
)

// A Change is one difference between two rulesets. Its texts are built on demand, as there
// may be many changes.
type Change struct {
	Op            Op
	Before, After Object // current and desired state; the zero Object if it does not exist

	where string // see Where; only set for elements, which share the string
	twin  *Rule  // for a deleted rule, an added rule with the same text, or the reverse
}

// An Object is a table or a part of one. Table is always set. Of the other fields, those
// that identify the part are set.
type Object struct {
	Table     *Table
	Set       *Set      // a set or a map; for an element, its set
	Element   *Element  // element of a set without intervals
	Interval  *Interval // element of a set with intervals
	Chain     *Chain    // a chain; for a rule, its chain
	Rule      *Rule
	Unmanaged *Unmanaged
}

// Object returns the changed object: its current state, or the desired state if the change
// adds it.
func (c *Change) Object() Object {
	if c.Op == Add {
		return c.After
	}
	return c.Before
}

// last returns the object after the change, or before it if the change deletes it.
func (c *Change) last() Object {
	if c.Op == Delete {
		return c.Before
	}
	return c.After
}

// Kind returns the kind of the object in nft's terms: table, set, map, element, chain,
// rule, counter, flowtable, ….
func (c *Change) Kind() string { return c.last().kind() }

// Where returns the container of the object, for example "map ip lvsmark tcp_21"; it is
// empty for tables.
func (c *Change) Where() string {
	if c.where != "" {
		return c.where
	}
	return c.last().where()
}

// BeforeText returns the object before the change in nft's syntax, on one line and without
// its contents. It is empty if the change adds the object. If AfterText, or the text of
// another change of the object, would be the same, words in parentheses tell what differs.
func (c *Change) BeforeText() string {
	text, _ := c.texts()
	return text
}

// AfterText returns the object after the change, like BeforeText. It is empty if the change
// deletes the object.
func (c *Change) AfterText() string {
	_, text := c.texts()
	return text
}

func (c *Change) texts() (before, after string) {
	switch {
	case c.Op == Edit && c.Before == Object{Table: c.Before.Table}:
		return distinguished(c.Before, c.After, c.Before.Table.describe(), c.After.Table.describe())
	case c.Op == Edit:
		return distinguished(c.Before, c.After, c.Before.text(), c.After.text())
	case c.twin != nil:
		twin := c.last()
		twin.Rule = c.twin
		before, after = distinguished(c.Before.or(twin), c.After.or(twin), c.last().text(), c.last().text())
	default:
		before, after = c.last().text(), c.last().text()
	}
	if c.Op == Add {
		return "", after
	}
	return before, ""
}

// or returns the object, or other if it does not exist.
func (o Object) or(other Object) Object {
	if o.Table == nil {
		return other
	}
	return o
}

func (o Object) kind() string {
	switch {
	case o.IsElement():
		return "element"
	case o.Set != nil:
		return o.Set.Kind()
	case o.Rule != nil:
		return "rule"
	case o.Chain != nil:
		return "chain"
	case o.Unmanaged != nil:
		return o.Unmanaged.Kind
	}
	return "table"
}

// IsElement reports whether the object is an element of a set.
func (o Object) IsElement() bool { return o.Element != nil || o.Interval != nil }

func (o Object) where() string {
	switch {
	case o.IsElement():
		return o.Table.setName(o.Set)
	case o.Rule != nil:
		return o.Table.chainName(o.Chain)
	case o == Object{Table: o.Table}:
		return ""
	}
	return o.Table.String()
}

func (o Object) text() string {
	switch {
	case o.Element != nil:
		return o.Set.elementText(*o.Element)
	case o.Interval != nil:
		return o.Interval.text
	case o.Set != nil:
		return o.Set.header()
	case o.Rule != nil:
		return o.Rule.Text(o.Table.Family)
	case o.Chain != nil:
		return o.Chain.header()
	case o.Unmanaged != nil:
		return o.Unmanaged.Name
	}
	return o.Table.id()
}

// lazyChanges is a list of changes that is built on demand. Each function appends changes.
type lazyChanges []func([]Change) []Change

func (l *lazyChanges) add(c Change) {
	l.addLater(func(changes []Change) []Change { return append(changes, c) })
}

func (l *lazyChanges) addLater(list func([]Change) []Change) { *l = append(*l, list) }

func (l lazyChanges) changes() []Change {
	var changes []Change
	for _, list := range l {
		changes = list(changes)
	}
	return changes
}

// The methods below append changes that add or delete an object with its contents.

func (t *Table) changes(changes []Change, op Op) []Change {
	changes = append(changes, addOrDelete(op, Object{Table: t}))
	for _, s := range t.Sets {
		changes = t.setChanges(changes, op, s)
	}
	for _, c := range t.Chains {
		changes = t.chainChanges(changes, op, c)
	}
	for i := range t.Unmanaged {
		changes = append(changes, addOrDelete(op, Object{Table: t, Unmanaged: &t.Unmanaged[i]}))
	}
	return changes
}

func (t *Table) setChanges(changes []Change, op Op, s *Set) []Change {
	changes = append(changes, addOrDelete(op, Object{Table: t, Set: s}))
	if s.isInterval() {
		return t.intervalChanges(changes, op, s, s.listed())
	}
	return t.elementChanges(changes, op, s, s.Elements)
}

func (t *Table) elementChanges(changes []Change, op Op, s *Set, elements []Element) []Change {
	where := t.setName(s)
	changes = slices.Grow(changes, len(elements))
	for i := range elements {
		c := addOrDelete(op, Object{Table: t, Set: s, Element: &elements[i]})
		c.where = where
		changes = append(changes, c)
	}
	return changes
}

func (t *Table) intervalChanges(changes []Change, op Op, s *Set, intervals []Interval) []Change {
	where := t.setName(s)
	for i := range intervals {
		c := addOrDelete(op, Object{Table: t, Set: s, Interval: &intervals[i]})
		c.where = where
		changes = append(changes, c)
	}
	return changes
}

func (t *Table) chainChanges(changes []Change, op Op, c *Chain) []Change {
	changes = append(changes, addOrDelete(op, Object{Table: t, Chain: c}))
	for _, r := range c.Rules {
		changes = append(changes, t.ruleChange(op, c, r))
	}
	return changes
}

func (t *Table) ruleChange(op Op, c *Chain, r *Rule) Change {
	return addOrDelete(op, Object{Table: t, Chain: c, Rule: r})
}

// addOrDelete returns a change that adds or deletes an object.
func addOrDelete(op Op, o Object) Change {
	if op == Add {
		return Change{Op: op, After: o}
	}
	return Change{Op: op, Before: o}
}

// edit returns a change that edits an object in place.
func edit(before, after Object) Change { return Change{Op: Edit, Before: before, After: after} }

package nft

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// An Op says what a Change does.
type Op string

// The operations of a Change.
const (
	Add    Op = "add"
	Delete Op = "delete"
	Edit   Op = "edit"
)

// A Change is one difference between two rulesets, to be read by people.
type Change struct {
	Op            Op
	Kind          string // table, set, map, element, chain, rule, counter, flowtable, …
	Where         string // what holds the object; empty for tables
	Before, After string // as nft writes it

	// What the change does to packets; filled by Changes.

	MarkChanges  []MarkChange // marks that packets lose by it, or get others for
	Untranslated bool         // active data from some source no longer gets another
	RuleKind     RuleKind     // of a rule that is deleted; else 0
	EndsNAT      bool         // lvsmark's last nat chain of the family goes; see Translated

	// What is changed, as it was; else nil.

	table   *Table
	set     *Set // that holds element
	element Element
	rule    *Rule
	chain   *Chain

	interval *listedInterval // in place of element, in sets of intervals

	sources []sourceRange // that are translated before; with EndsNAT only
}

// A listing is some changes, which are written out only for who reads them: there
// may be many. Each part appends its own.
type listing []func([]Change) []Change

func (l *listing) add(c Change) {
	l.later(func(changes []Change) []Change { return append(changes, c) })
}

func (l *listing) later(write func([]Change) []Change) { *l = append(*l, write) }

func (l listing) write() []Change {
	var changes []Change
	for _, write := range l {
		changes = write(changes)
	}
	return changes
}

// The methods below append changes.

func (t *Table) changes(changes []Change, op Op) []Change {
	changes = append(changes, whole(op, "table", "", t.id()))
	for _, s := range t.Sets {
		changes = t.setChanges(changes, op, s)
	}
	for _, c := range t.Chains {
		changes = t.chainChanges(changes, op, c)
	}
	for _, s := range t.Unmanaged {
		changes = append(changes, whole(op, s.Kind, t.String(), s.Name))
	}
	return changes
}

func (t *Table) setChanges(changes []Change, op Op, s *Set) []Change {
	changes = append(changes, whole(op, s.Kind(), t.String(), s.head()))
	if s.isInterval() {
		return t.intervalChanges(changes, op, s, s.intervals())
	}
	return t.elementChanges(changes, op, s, s.Elements)
}

func (t *Table) elementChanges(changes []Change, op Op, s *Set, elements []Element) []Change {
	where := t.setName(s)
	changes = slices.Grow(changes, len(elements))
	for _, e := range elements {
		c := whole(op, "element", where, s.elementText(e))
		c.of(t, s, e)
		changes = append(changes, c)
	}
	return changes
}

func (t *Table) intervalChanges(changes []Change, op Op, s *Set, intervals []listedInterval) []Change {
	where := t.setName(s)
	for i := range intervals {
		c := whole(op, "element", where, intervals[i].text)
		c.of(t, s, Element{})
		c.interval = &intervals[i]
		changes = append(changes, c)
	}
	return changes
}

// of says what element the change is of, for Changes.
func (c *Change) of(t *Table, s *Set, e Element) { c.table, c.set, c.element = t, s, e }

func (t *Table) chainChanges(changes []Change, op Op, c *Chain) []Change {
	change := whole(op, "chain", t.String(), c.head())
	change.table, change.chain = t, c
	changes = append(changes, change)
	for _, r := range c.Rules {
		changes = append(changes, t.ruleChange(op, c, r))
	}
	return changes
}

func (t *Table) ruleChange(op Op, c *Chain, r *Rule) Change {
	change := whole(op, "rule", t.chainName(c), r.Text(t.Family))
	change.table, change.rule = t, r
	return change
}

func whole(op Op, kind, where, text string) Change {
	c := Change{Op: op, Kind: kind, Where: where}
	if op == Add {
		c.After = text
	} else {
		c.Before = text
	}
	return c
}

// head is a set without its elements, on one line.
func (s *Set) head() string {
	text := s.Name + " { type " + s.typeText()
	if flags := s.flagsText(); flags != "" {
		text += "; flags " + flags
	}
	if s.Size > 0 {
		text += fmt.Sprintf("; size %d", s.Size)
	}
	return text + " }"
}

// head is a chain without its rules, on one line.
func (c *Chain) head() string {
	if c.Type == "" {
		return c.Name
	}
	return c.Name + " { " + c.hookText() + " }"
}

func (s *Set) typeText() string {
	if s.isMap() {
		return typeName(s.KeyType) + " : " + typeName(s.DataType)
	}
	return typeName(s.KeyType)
}

func (s *Set) flagsText() string {
	var flags []string
	for _, f := range []struct {
		bit  uint32
		name string
	}{
		{unix.NFT_SET_CONSTANT, "constant"},
		{unix.NFT_SET_INTERVAL, "interval"},
		{unix.NFT_SET_TIMEOUT, "timeout"},
		{unix.NFT_SET_EVAL, "dynamic"},
	} {
		if s.Flags&f.bit != 0 {
			flags = append(flags, f.name)
		}
	}
	return strings.Join(flags, ",")
}

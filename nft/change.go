package nft

import (
	"fmt"
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

	Shifts       []Shift // marks that packets lose by it, or get others for
	Untranslated bool    // active data from some source no longer gets another
	Role         Role    // of a rule that is deleted; else 0
	EndsNAT      bool    // lvsmark's last nat chain of the family goes; see Translated

	// What is changed, as it was; else nil.

	table   *Table
	set     *Set // that holds element
	element Element
	rule    *Rule
	chain   *Chain

	sources []sourceRange // that are translated before; with EndsNAT only
}

func (t *Table) changes(op Op) []Change {
	changes := []Change{whole(op, "table", "", t.id())}
	for _, s := range t.Sets {
		changes = append(changes, t.setChanges(op, s)...)
	}
	for _, c := range t.Chains {
		changes = append(changes, t.chainChanges(op, c)...)
	}
	for _, s := range t.Strays {
		changes = append(changes, whole(op, s.Kind, t.String(), s.Name))
	}
	return changes
}

func (t *Table) setChanges(op Op, s *Set) []Change {
	changes := []Change{whole(op, s.Kind(), t.String(), s.head())}
	if s.isInterval() {
		return append(changes, t.intervalChanges(op, s, s.intervalTexts())...)
	}
	return append(changes, t.elementChanges(op, s, s.Elements)...)
}

func (t *Table) elementChanges(op Op, s *Set, elements []Element) []Change {
	where := t.setName(s)
	changes := make([]Change, len(elements))
	for i, e := range elements {
		changes[i] = whole(op, "element", where, s.elementText(e))
		changes[i].of(t, s, e)
	}
	return changes
}

func (t *Table) intervalChanges(op Op, s *Set, texts []string) []Change {
	where := t.setName(s)
	changes := make([]Change, len(texts))
	for i, text := range texts {
		changes[i] = whole(op, "element", where, text)
		changes[i].of(t, s, Element{})
	}
	return changes
}

// of says what element the change is of, for Changes.
func (c *Change) of(t *Table, s *Set, e Element) { c.table, c.set, c.element = t, s, e }

func (t *Table) chainChanges(op Op, c *Chain) []Change {
	changes := []Change{whole(op, "chain", t.String(), c.head())}
	changes[0].table, changes[0].chain = t, c
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

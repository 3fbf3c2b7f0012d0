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
	return append(changes, t.elementChanges(op, s, s.elementTexts())...)
}

func (t *Table) elementChanges(op Op, s *Set, texts []string) []Change {
	where := t.setName(s)
	changes := make([]Change, len(texts))
	for i, text := range texts {
		changes[i] = whole(op, "element", where, text)
	}
	return changes
}

func (t *Table) chainChanges(op Op, c *Chain) []Change {
	changes := []Change{whole(op, "chain", t.String(), c.head())}
	for _, r := range c.Rules {
		changes = append(changes, t.ruleChange(op, c, r))
	}
	return changes
}

func (t *Table) ruleChange(op Op, c *Chain, r *Rule) Change {
	return whole(op, "rule", t.chainName(c), r.Text(t.Family))
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

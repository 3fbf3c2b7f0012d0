package nft

import (
	"slices"
	"strings"
)

// A Snapshot is lvsmark's part of the ruleset in a network namespace, at one generation.
type Snapshot struct {
	Ruleset
	Generation uint32
	Foreign    []TableName  // tables of other programs, families ip and ip6
	Locked     *LockedError // lock owner; nil: not locked
}

// Snapshot reads lvsmark's tables, which it identifies by their comment, not their name, and
// the tables of Adopt. Of other tables it reads only the name.
func (c *Conn) Snapshot() (*Snapshot, error) {
	var s *Snapshot
	err := c.ReadConsistently(snapshotTries, func(generation uint32) error {
		s = &Snapshot{Generation: generation}
		return c.readOwn(s)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (c *Conn) readOwn(s *Snapshot) error {
	for _, family := range Families() {
		tables, err := c.readTables(family)
		if err != nil {
			return err
		}
		for _, t := range tables {
			switch {
			case t.isLock():
				s.Locked = &LockedError{LockOwner: t.Comment}
			case t.Owned(), slices.Contains(c.adopted, t.TableName()):
				s.Tables = append(s.Tables, t)
			default:
				s.Foreign = append(s.Foreign, TableName{family, t.Name})
			}
		}
	}
	s.foreign = s.Foreign
	s.sort()
	for _, t := range s.Tables {
		if err := c.readContents(t); err != nil {
			return readError(t.String(), err)
		}
	}
	return nil
}

// Owned reports whether the table has lvsmark's comment.
func (t *Table) Owned() bool { return strings.HasPrefix(t.Comment, commentMark) }

// readContents reads the sets, chains, rules and other objects of a table.
func (c *Conn) readContents(t *Table) error {
	if err := c.readSets(t); err != nil {
		return err
	}
	anonymous := t.takeAnonymous()
	for _, s := range slices.Concat(t.Sets, anonymous) {
		if err := c.readElements(t, s); err != nil {
			return err
		}
		if !s.isInterval() || s.RangesArePairs() {
			sortElements(s) // others are listed in the order of creation
		}
	}
	if err := c.readChains(t.Family, t); err != nil {
		return err
	}
	if err := c.readRules(t); err != nil {
		return err
	}
	t.bindAnonymous(anonymous)
	return c.readUnmanaged(t)
}

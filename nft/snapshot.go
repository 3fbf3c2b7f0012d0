package nft

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// A Snapshot is lvsmark's part of the ruleset of a network namespace, all of one
// generation.
type Snapshot struct {
	Ruleset
	Generation uint32
	Foreign    []TableName  // tables of families ip and ip6 that are not lvsmark's
	Locked     *LockedError // who has the lock; nil: nobody
}

// A TableName names a table.
type TableName struct {
	Family Family
	Name   string
}

// String is "table ip filter".
func (n TableName) String() string { return "table " + n.Family.String() + " " + n.Name }

// snapshotTries bounds how often a snapshot begins anew because somebody else
// changes the ruleset meanwhile.
const snapshotTries = 100

// Snapshot reads lvsmark's tables: those whose comment says so, whatever their
// name. Nothing of other tables is read but the name.
func (c *Conn) Snapshot() (*Snapshot, error) {
	for range snapshotTries {
		s, err := c.read()
		if errors.Is(err, errInterrupted) {
			continue
		}
		return s, err
	}
	return nil, fmt.Errorf("%w, %d times over: find who does, `nft monitor` tells", errInterrupted, snapshotTries)
}

func (c *Conn) read() (*Snapshot, error) {
	before, err := c.Generation()
	if err != nil {
		return nil, err
	}
	s := &Snapshot{Generation: before}
	if err := c.readTables(s); err != nil {
		return nil, err
	}
	for _, t := range s.Tables {
		if err := c.readTable(t); err != nil {
			return nil, err
		}
	}
	after, err := c.Generation()
	if err != nil {
		return nil, err
	}
	if after != before {
		return nil, errInterrupted
	}
	return s, nil
}

func (c *Conn) readTables(s *Snapshot) error {
	for _, family := range Families() {
		for e, err := range c.dump(unix.NFT_MSG_GETTABLE, byte(family), nil) {
			if err != nil {
				return readError("tables", err)
			}
			t, err := decodeTable(family, e.data)
			if err != nil {
				return err
			}
			switch {
			case t.isLock():
				s.Locked = &LockedError{LockOwner: t.Comment}
			case t.owned():
				s.Tables = append(s.Tables, t)
			default:
				s.Foreign = append(s.Foreign, TableName{family, t.Name})
			}
		}
	}
	s.sort()
	return nil
}

// owned reports whether the table is lvsmark's.
func (t *Table) owned() bool { return strings.HasPrefix(t.Comment, commentMark) }

func (c *Conn) readTable(t *Table) error {
	for _, read := range []func(*Table) error{c.readSets, c.readChains, c.readRules, c.readUnmanaged} {
		if err := read(t); err != nil {
			return readError(t.String(), err)
		}
	}
	return nil
}

func (c *Conn) readSets(t *Table) error {
	for e, err := range c.dump(unix.NFT_MSG_GETSET, byte(t.Family), appendText(nil, unix.NFTA_SET_TABLE, t.Name)) {
		if err != nil {
			return err
		}
		table, s, err := decodeSet(e.data)
		if err != nil {
			return err
		}
		// Anonymous sets are part of the rule that they stand in.
		if table == t.Name && s.Flags&unix.NFT_SET_ANONYMOUS == 0 {
			t.Sets = append(t.Sets, s)
		}
	}
	for _, s := range t.Sets {
		if err := c.readElements(t, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) readElements(t *Table, s *Set) error {
	filter := appendText(nil, unix.NFTA_SET_ELEM_LIST_TABLE, t.Name)
	filter = appendText(filter, unix.NFTA_SET_ELEM_LIST_SET, s.Name)
	for e, err := range c.dump(unix.NFT_MSG_GETSETELEM, byte(t.Family), filter) {
		if err != nil {
			return err
		}
		if err := decodeElements(s, e.data); err != nil {
			return err
		}
	}
	sortElements(s)
	return nil
}

// readChains reads the chains of the whole family: old kernels have no filter.
func (c *Conn) readChains(t *Table) error {
	for e, err := range c.dump(unix.NFT_MSG_GETCHAIN, byte(t.Family), nil) {
		if err != nil {
			return err
		}
		table, chain, err := decodeChain(e.data)
		if err != nil {
			return err
		}
		if table == t.Name {
			t.Chains = append(t.Chains, chain)
		}
	}
	return nil
}

func (c *Conn) readRules(t *Table) error {
	for e, err := range c.dump(unix.NFT_MSG_GETRULE, byte(t.Family), appendText(nil, unix.NFTA_RULE_TABLE, t.Name)) {
		if err != nil {
			return err
		}
		table, name, rule, err := decodeRule(e.data)
		if err != nil {
			return err
		}
		if chain := t.Chain(name); table == t.Name && chain != nil {
			chain.Rules = append(chain.Rules, rule)
		}
	}
	return nil
}

func (c *Conn) readUnmanaged(t *Table) error {
	kinds := []struct {
		typ    uint16
		kind   string
		filter []byte
	}{
		{unix.NFT_MSG_GETOBJ, "object", appendText(nil, nftaObjTable, t.Name)},
		{nftMsgGetFlowtable, flowtable, appendText(nil, nftaFlowtableTable, t.Name)},
	}
	for _, k := range kinds {
		for e, err := range c.dump(k.typ, byte(t.Family), k.filter) {
			if err != nil {
				return err
			}
			table, unmanaged, err := decodeUnmanaged(k.kind, e.data)
			if err != nil {
				return err
			}
			if table == t.Name {
				t.Unmanaged = append(t.Unmanaged, unmanaged)
			}
		}
	}
	return nil
}

func readError(object string, err error) error {
	if errors.Is(err, errInterrupted) || errors.Is(err, unix.ENOENT) {
		// What was listed a moment ago is gone: somebody changes the ruleset.
		return errInterrupted
	}
	return fmt.Errorf("reading %s: %w", object, refused(object, err))
}

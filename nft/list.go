package nft

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// snapshotTries bounds how often a snapshot begins anew because another process
// changes the ruleset meanwhile.
const snapshotTries = 100

// ReadConsistently calls read, so many times at the most, until no other process
// changes the ruleset meanwhile. read is given the ruleset's generation.
func (c *Conn) ReadConsistently(tries int, read func(generation uint32) error) error {
	for range tries {
		before, err := c.Generation()
		if err != nil {
			return err
		}
		if err := read(before); errors.Is(err, errInterrupted) {
			continue
		} else if err != nil {
			return err
		}
		after, err := c.Generation()
		if err != nil || after == before {
			return err
		}
	}
	return fmt.Errorf("%w, %d times over: find who does, `nft monitor` tells", errInterrupted, tries)
}

// Foreign lists the tables that are not lvsmark's, of all families, with their chains
// but without rules and sets, which Rules, Sets and Elements list. Dormant tables are
// left out.
func (c *Conn) Foreign() ([]*Table, error) {
	tables, err := c.readTables(unix.NFPROTO_UNSPEC)
	if err != nil {
		return nil, err
	}
	tables = slices.DeleteFunc(tables, func(t *Table) bool { return t.owned() || t.Flags&unix.NFT_TABLE_F_DORMANT != 0 })
	(&Ruleset{Tables: tables}).sort()
	if err := c.readChains(unix.NFPROTO_UNSPEC, tables...); err != nil {
		return nil, readError("chains", err)
	}
	return tables, nil
}

// Rules lists the rules of a chain, in order. Nothing else may be asked of the
// connection until they have been listed.
func (c *Conn) Rules(t *Table, chain *Chain) iter.Seq2[*Rule, error] {
	return func(yield func(*Rule, error) bool) {
		filter := netlink.AppendText(nil, unix.NFTA_RULE_TABLE, t.Name)
		filter = netlink.AppendText(filter, unix.NFTA_RULE_CHAIN, chain.Name)
		for e, err := range c.dump(unix.NFT_MSG_GETRULE, byte(t.Family), filter) {
			if err != nil {
				yield(nil, readError(t.chainName(chain), err))
				return
			}
			table, name, rule, err := decodeRule(e.data)
			if err == nil && (table != t.Name || name != chain.Name) {
				continue // of a kernel that has no filter
			}
			if !yield(rule, err) {
				return
			}
		}
	}
}

// Sets lists the sets of a table, anonymous ones too, without their elements.
func (c *Conn) Sets(t *Table) ([]*Set, error) {
	heads := &Table{Family: t.Family, Name: t.Name}
	err := c.readSets(heads)
	return heads.Sets, readError("sets of "+t.String(), err)
}

// Elements lists the elements of a set, in the order of the kernel. Nothing else may be
// asked of the connection until they have been listed.
func (c *Conn) Elements(t *Table, s *Set) iter.Seq2[Element, error] {
	return func(yield func(Element, error) bool) {
		var some Set // the elements of one message
		for e, err := range c.dump(unix.NFT_MSG_GETSETELEM, byte(t.Family), t.elementFilter(s)) {
			some.Elements = some.Elements[:0]
			if err == nil {
				err = decodeElements(&some, e.data)
			}
			if err != nil {
				yield(Element{}, readError(t.setName(s), err))
				return
			}
			for _, element := range some.Elements {
				if !yield(element, nil) {
					return
				}
			}
		}
	}
}

func (t *Table) elementFilter(s *Set) []byte {
	filter := netlink.AppendText(nil, unix.NFTA_SET_ELEM_LIST_TABLE, t.Name)
	return netlink.AppendText(filter, unix.NFTA_SET_ELEM_LIST_SET, s.Name)
}

// readTables reads tables without what is in them, for NFPROTO_UNSPEC those of all
// families.
func (c *Conn) readTables(family Family) ([]*Table, error) {
	var tables []*Table
	for e, err := range c.dump(unix.NFT_MSG_GETTABLE, byte(family), nil) {
		if err != nil {
			return nil, readError("tables", err)
		}
		t, err := decodeTable(Family(e.family), e.data)
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// readSets reads the heads of sets.
func (c *Conn) readSets(t *Table) error {
	for e, err := range c.dump(unix.NFT_MSG_GETSET, byte(t.Family), netlink.AppendText(nil, unix.NFTA_SET_TABLE, t.Name)) {
		if err != nil {
			return err
		}
		table, s, err := decodeSet(e.data)
		if err != nil {
			return err
		}
		if table == t.Name {
			t.Sets = append(t.Sets, s)
		}
	}
	return nil
}

// withoutAnonymous are the sets that have a name of their own.
func withoutAnonymous(sets []*Set) []*Set {
	return slices.DeleteFunc(sets, func(s *Set) bool { return s.Flags&unix.NFT_SET_ANONYMOUS != 0 })
}

func (c *Conn) readElements(t *Table, s *Set) error {
	for e, err := range c.dump(unix.NFT_MSG_GETSETELEM, byte(t.Family), t.elementFilter(s)) {
		if err != nil {
			return err
		}
		if err := decodeElements(s, e.data); err != nil {
			return err
		}
	}
	return nil
}

// readChains reads the chains of tables, without their rules. It has the kernel list
// those of the whole family: old kernels have no filter.
func (c *Conn) readChains(family Family, tables ...*Table) error {
	byName := map[TableName]*Table{}
	for _, t := range tables {
		byName[TableName{t.Family, t.Name}] = t
	}
	for e, err := range c.dump(unix.NFT_MSG_GETCHAIN, byte(family), nil) {
		if err != nil {
			return err
		}
		table, chain, err := decodeChain(e.data)
		if err != nil {
			return err
		}
		if t := byName[TableName{Family(e.family), table}]; t != nil {
			t.Chains = append(t.Chains, chain)
		}
	}
	return nil
}

// readRules reads the rules of a table.
func (c *Conn) readRules(t *Table) error {
	for e, err := range c.dump(unix.NFT_MSG_GETRULE, byte(t.Family), netlink.AppendText(nil, unix.NFTA_RULE_TABLE, t.Name)) {
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
		{unix.NFT_MSG_GETOBJ, "object", netlink.AppendText(nil, unix.NFTA_OBJ_TABLE, t.Name)},
		{unix.NFT_MSG_GETFLOWTABLE, flowtable, netlink.AppendText(nil, nftaFlowtableTable, t.Name)},
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

// readError says what was read. It is nil for no error.
func readError(object string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errInterrupted), errors.Is(err, unix.ENOENT):
		// What was listed a moment ago is gone: another process changes the ruleset.
		return errInterrupted
	}
	return fmt.Errorf("reading %s: %w", object, refused(object, err))
}

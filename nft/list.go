package nft

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// snapshotTries bounds how often a snapshot begins anew because another process
// changes the ruleset meanwhile.
const snapshotTries = 100

// AtOneGeneration calls read, so many times at the most, until no other process
// changes the ruleset meanwhile. read is given the ruleset's generation.
func (c *Conn) AtOneGeneration(tries int, read func(generation uint32) error) error {
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
// but without rules and sets; see ReadRules, ReadSets and ReadElements. Dormant tables
// are left out.
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

// ReadRules adds the rules of a chain.
func (c *Conn) ReadRules(t *Table, chain *Chain) error {
	return readError(t.chainName(chain), c.readRules(t, chain))
}

// ReadSets adds the sets of a table, anonymous ones too, without their elements.
func (c *Conn) ReadSets(t *Table) error { return readError("sets of "+t.String(), c.readSets(t)) }

// ReadElements adds the elements of a set, in the order of the kernel.
func (c *Conn) ReadElements(t *Table, s *Set) error {
	return readError(t.setName(s), c.readElements(t, s))
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

// named are the sets that have a name of their own.
func named(sets []*Set) []*Set {
	return slices.DeleteFunc(sets, func(s *Set) bool { return s.Flags&unix.NFT_SET_ANONYMOUS != 0 })
}

func (c *Conn) readElements(t *Table, s *Set) error {
	filter := netlink.AppendText(nil, unix.NFTA_SET_ELEM_LIST_TABLE, t.Name)
	filter = netlink.AppendText(filter, unix.NFTA_SET_ELEM_LIST_SET, s.Name)
	for e, err := range c.dump(unix.NFT_MSG_GETSETELEM, byte(t.Family), filter) {
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

// readRules reads the rules of a table, or for a chain those of the chain.
func (c *Conn) readRules(t *Table, only *Chain) error {
	filter := netlink.AppendText(nil, unix.NFTA_RULE_TABLE, t.Name)
	if only != nil {
		filter = netlink.AppendText(filter, unix.NFTA_RULE_CHAIN, only.Name)
	}
	chain := only
	for e, err := range c.dump(unix.NFT_MSG_GETRULE, byte(t.Family), filter) {
		if err != nil {
			return err
		}
		table, name, rule, err := decodeRule(e.data)
		if err != nil {
			return err
		}
		if only == nil && (chain == nil || chain.Name != name) {
			chain = t.Chain(name)
		}
		if table == t.Name && chain != nil && chain.Name == name {
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

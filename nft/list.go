package nft

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/internal/nftname"
)

// snapshotTries is the maximum number of reads for a snapshot if other processes change the
// ruleset during a read.
const snapshotTries = 100

// ReadConsistently calls read until the generation is the same before and after it, at most
// attempts times. The argument of read is the generation.
func (c *Conn) ReadConsistently(attempts int, read func(generation uint32) error) error {
	for range attempts {
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
	return fmt.Errorf("%w in each of %d attempts: %s", errInterrupted, attempts, monitorHint)
}

// Foreign lists the tables of other programs in all families, except dormant ones, with
// their chains but without rules and sets; see Rules, Sets and Elements.
func (c *Conn) Foreign() ([]*Table, error) { return c.active((*Table).Owned) }

// All lists the tables of all programs, lvsmark's included, as Foreign does.
func (c *Conn) All() ([]*Table, error) { return c.active(func(*Table) bool { return false }) }

// active lists the tables that are not dormant, without those of skip.
func (c *Conn) active(skip func(*Table) bool) ([]*Table, error) {
	tables, err := c.readTables(unix.NFPROTO_UNSPEC)
	if err != nil {
		return nil, err
	}
	tables = slices.DeleteFunc(tables, func(t *Table) bool { return skip(t) || t.Flags&unix.NFT_TABLE_F_DORMANT != 0 })
	(&Ruleset{Tables: tables}).sort()
	if err := c.readChains(unix.NFPROTO_UNSPEC, tables...); err != nil {
		return nil, readError("chains", err)
	}
	return tables, nil
}

// Rules yields the rules of a chain in order. The connection must not be used for another
// request inside the loop.
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
				continue // a kernel without filters lists other chains too
			}
			if err == nil {
				c.nameDevices(rule)
			}
			if !yield(rule, err) {
				return
			}
		}
	}
}

// Sets lists the sets of a table, including anonymous ones, without elements.
func (c *Conn) Sets(t *Table) ([]*Set, error) {
	heads := &Table{Family: t.Family, Name: t.Name}
	err := c.readSets(heads)
	return heads.Sets, readError("sets of "+t.String(), err)
}

// Helpers lists the objects `ct helper` of a table: the helper of connection tracking by the name
// of the object.
func (c *Conn) Helpers(t *Table) (map[string]string, error) {
	heads := &Table{Family: t.Family, Name: t.Name}
	if err := c.readUnmanaged(heads); err != nil {
		return nil, readError("objects of "+t.String(), err)
	}
	return heads.Helpers(), nil
}

// Elements yields the elements of a set in the kernel's order. The connection must not be
// used for another request inside the loop.
func (c *Conn) Elements(t *Table, s *Set) iter.Seq2[Element, error] {
	return func(yield func(Element, error) bool) {
		var part Set // the elements of one message
		for e, err := range c.dump(unix.NFT_MSG_GETSETELEM, byte(t.Family), t.elementFilter(s)) {
			part.Elements, part.expirations = part.Elements[:0], nil
			if err == nil {
				err = decodeElements(&part, e.data)
			}
			if err != nil {
				yield(Element{}, readError(t.setName(s), err))
				return
			}
			c.nameDevicesOf(s, part.Elements)
			for _, element := range part.Elements {
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

// readTables reads tables without their contents; for NFPROTO_UNSPEC, those of all families.
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

// readSets reads sets without elements.
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

func (c *Conn) readElements(t *Table, s *Set) error {
	for e, err := range c.dump(unix.NFT_MSG_GETSETELEM, byte(t.Family), t.elementFilter(s)) {
		if err != nil {
			return err
		}
		if err := decodeElements(s, e.data); err != nil {
			return err
		}
	}
	c.nameDevicesOf(s, s.Elements)
	return nil
}

// readChains reads the chains of tables, without rules. It lists the chains of the whole
// family, because old kernels have no filter.
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
			c.nameDevices(rule)
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

// nameDevices looks up the devices to which a rule refers by index, for its text: the indexes
// are those of the namespace of the connection.
func (c *Conn) nameDevices(r *Rule) {
	refers := false
	for e := range r.All() {
		refers = refers || e.refersToDevice()
	}
	if !refers {
		return
	}
	r.devices = nftname.Devices{}
	for e := range r.All() {
		for _, data := range netlink.Attributes(e.Data) {
			r.devices.Add([]byte(dataValue(data)), c.nl.DeviceName)
		}
	}
}

// refersToDevice reports whether the expression loads the index of a device or has one.
func (e Expression) refersToDevice() bool {
	switch e.Name {
	case "meta":
		key, _ := nftname.Meta(e.number(unix.NFTA_META_KEY))
		return key.Kind == nftname.InterfaceIndex
	case "fib":
		return e.number(unix.NFTA_FIB_RESULT) == unix.NFT_FIB_RESULT_OIF
	}
	return e.Name == "dup" || e.Name == "fwd"
}

// nameDevicesOf is nameDevices for elements of a set.
func (c *Conn) nameDevicesOf(s *Set, elements []Element) {
	if !hasDevices(s.KeyType) && !hasDevices(s.DataType) {
		return
	}
	if s.devices == nil {
		s.devices = nftname.Devices{}
	}
	for _, e := range elements {
		p := e.parts()
		for _, value := range []string{p.key, p.keyEnd, p.data} {
			s.devices.Add([]byte(value), c.nl.DeviceName)
		}
	}
}

// readError adds the object to an error; nil for no error.
func readError(object string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errInterrupted), errors.Is(err, unix.ENOENT):
		// ENOENT: another process has deleted an object that was listed before.
		return errInterrupted
	}
	return fmt.Errorf("read %s: %w", object, refused(object, err))
}

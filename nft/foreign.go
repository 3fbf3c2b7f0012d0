package nft

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"
)

// A foreignTable is a table that is not lvsmark's, as far as packets on their way
// to IPVS may meet it.
type foreignTable struct {
	family Family
	name   string
	chains map[string]*foreignChain
	sets   map[string]*foreignSet
}

// A foreignChain is a chain of a foreignTable.
type foreignChain struct {
	Chain
	table   *foreignTable
	devices []string // of chains that are bound to devices
}

// id is "inet filter".
func (t *foreignTable) id() string { return t.family.String() + " " + t.name }

// readForeign reads the tables of others that have a chain on the way, with all
// of their chains and rules, and the heads of their sets. Tables that sleep are
// left out.
func (c *Conn) readForeign() ([]*foreignTable, error) {
	tables, err := c.foreignTables()
	if err != nil {
		return nil, err
	}
	if err := c.foreignChains(tables); err != nil {
		return nil, err
	}
	onTheWay := slices.DeleteFunc(tables, func(t *foreignTable) bool { return len(t.hookPoints()) == 0 })
	for _, t := range onTheWay {
		for _, read := range []func(*foreignTable) error{c.foreignRules, c.foreignSets} {
			if err := read(t); err != nil {
				return nil, readError("table "+t.id(), err)
			}
		}
	}
	return onTheWay, nil
}

func (c *Conn) foreignTables() ([]*foreignTable, error) {
	const dormant = 1 // NFT_TABLE_F_DORMANT
	var tables []*foreignTable
	for e, err := range c.dump(unix.NFT_MSG_GETTABLE, unix.NFPROTO_UNSPEC, nil) {
		if err != nil {
			return nil, readError("tables", err)
		}
		t, err := decodeTable(0, e.data)
		if err != nil {
			return nil, err
		}
		if t.owned() || t.Flags&dormant != 0 {
			continue
		}
		tables = append(tables, &foreignTable{
			family: Family(e.family), name: t.Name, chains: map[string]*foreignChain{}, sets: map[string]*foreignSet{},
		})
	}
	slices.SortFunc(tables, func(a, b *foreignTable) int {
		return cmp.Or(cmp.Compare(a.family, b.family), cmp.Compare(a.name, b.name))
	})
	return tables, nil
}

func (c *Conn) foreignChains(tables []*foreignTable) error {
	byID := map[string]*foreignTable{}
	for _, t := range tables {
		byID[t.id()] = t
	}
	for e, err := range c.dump(unix.NFT_MSG_GETCHAIN, unix.NFPROTO_UNSPEC, nil) {
		if err != nil {
			return readError("chains", err)
		}
		table, chain, err := decodeChain(e.data)
		if err != nil {
			return err
		}
		if t := byID[(&foreignTable{family: Family(e.family), name: table}).id()]; t != nil {
			t.chains[chain.Name] = &foreignChain{Chain: *chain, table: t, devices: hookDevices(e.data)}
		}
	}
	return nil
}

// hookDevices are the names of the devices that a chain is bound to.
func hookDevices(chain []byte) []string {
	const nftaHookDevs = 4
	var devices []string
	add := func(name []byte) { devices = append(devices, attribute{data: name}.text()) }
	for typ, hook := range attributes(chain) {
		if typ != unix.NFTA_CHAIN_HOOK {
			continue
		}
		for typ, data := range attributes(hook) {
			switch typ {
			case unix.NFTA_HOOK_DEV:
				add(data)
			case nftaHookDevs:
				for _, name := range attributes(data) {
					add(name)
				}
			}
		}
	}
	slices.Sort(devices)
	return slices.Compact(devices)
}

func (c *Conn) foreignRules(t *foreignTable) error {
	for e, err := range c.dump(unix.NFT_MSG_GETRULE, byte(t.family), appendText(nil, unix.NFTA_RULE_TABLE, t.name)) {
		if err != nil {
			return err
		}
		table, name, rule, err := decodeRule(e.data)
		if err != nil {
			return err
		}
		if chain := t.chains[name]; table == t.name && chain != nil {
			chain.Rules = append(chain.Rules, rule)
		}
	}
	return nil
}

func (c *Conn) foreignSets(t *foreignTable) error {
	for e, err := range c.dump(unix.NFT_MSG_GETSET, byte(t.family), appendText(nil, unix.NFTA_SET_TABLE, t.name)) {
		if err != nil {
			return err
		}
		table, s, err := decodeSet(e.data)
		if err != nil {
			return err
		}
		if table == t.name {
			t.sets[s.Name] = &foreignSet{Set: *s}
		}
	}
	return nil
}

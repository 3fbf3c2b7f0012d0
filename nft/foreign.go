package nft

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
	tables, err := c.Foreign()
	if err != nil {
		return nil, err
	}
	var onTheWay []*foreignTable
	for _, t := range tables {
		f := &foreignTable{family: t.Family, name: t.Name, chains: map[string]*foreignChain{}, sets: map[string]*foreignSet{}}
		for _, chain := range t.Chains {
			f.chains[chain.Name] = &foreignChain{Chain: *chain, table: f, devices: chain.Devices}
		}
		if len(f.hookPoints()) == 0 {
			continue
		}
		if err := c.readRules(t, nil); err != nil {
			return nil, readError(t.String(), err)
		}
		for _, chain := range t.Chains {
			f.chains[chain.Name].Rules = chain.Rules
		}
		if err := c.ReadSets(t); err != nil {
			return nil, err
		}
		for _, s := range t.Sets {
			f.sets[s.Name] = &foreignSet{Set: *s}
		}
		onTheWay = append(onTheWay, f)
	}
	return onTheWay, nil
}

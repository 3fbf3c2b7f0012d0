package firewall

import "github.com/lvsmark/lvsmark/nft"

// A table is one whose chains packets may meet.
type table struct {
	*nft.Table
	chains map[string]*chain
	sets   map[string]*set // nil: not listed yet
}

// A chain of a table.
type chain struct {
	*nft.Chain
	table *table
	rules [][]*rule // for each space; nil: not read yet
}

func newTable(t *nft.Table) *table {
	of := &table{Table: t, chains: map[string]*chain{}}
	for _, c := range t.Chains {
		of.chains[c.Name] = &chain{Chain: c, table: of}
	}
	return of
}

// A reader reads rules for all spaces at once, each when packets of one come there.
type reader struct {
	source  Source
	loaders []*loader                        // for each space
	counts  func(*nft.Table, *nft.Rule) bool // which rules do; nil: all
}

func newReader(source Source, spaces ...*space) *reader {
	r := &reader{source: source}
	for _, s := range spaces {
		r.loaders = append(r.loaders, newLoader(s))
	}
	return r
}

// rules are those of a chain that packets of a space may meet.
func (r *reader) rules(c *chain, of int) ([]*rule, error) {
	if c.rules != nil {
		return c.rules[of], nil
	}
	rules := make([][]*rule, len(r.loaders))
	for raw, err := range r.source.Rules(c.table.Table, c.Chain) {
		if err != nil {
			return nil, err
		}
		if r.counts != nil && !r.counts(c.table.Table, raw) {
			continue
		}
		for i, l := range r.loaders {
			if !c.table.meets(l.space.family) {
				continue
			}
			if made := l.load(c.table.Family, raw); made != nil {
				rules[i] = append(rules[i], made)
			}
		}
	}
	c.rules = rules
	return rules[of], nil
}

// meets reports whether packets of the family pass through the table.
func (t *table) meets(family nft.Family) bool {
	if t.Family == nft.IPv4 || t.Family == nft.IPv6 {
		return t.Family == family
	}
	return true
}

// set is a set of the table, nil where there is none.
func (r *reader) set(t *table, name string) (*set, error) {
	if t.sets == nil {
		heads, err := r.source.Sets(t.Table)
		if err != nil {
			return nil, err
		}
		t.sets = make(map[string]*set, len(heads))
		for _, head := range heads {
			t.sets[head.Name] = &set{head: head, indexes: map[string]*index{}}
		}
	}
	return t.sets[name], nil
}

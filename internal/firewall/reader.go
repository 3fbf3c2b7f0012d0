package firewall

import (
	"iter"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/nft"
)

// A table is an nft.Table with its chains and sets by name.
type table struct {
	*nft.Table
	number int // in the order of findings
	chains map[string]*chain
	sets   map[string]*set // nil: not read yet
}

// A chain is an nft.Chain with its rules as steps.
type chain struct {
	*nft.Chain
	table  *table
	raw    []*nft.Rule
	loaded []bool    // by space; nil: not read yet
	rules  [][]*rule // by space
}

func newTable(t *nft.Table) *table {
	loaded := &table{Table: t, chains: map[string]*chain{}}
	for _, c := range t.Chains {
		loaded.chains[c.Name] = &chain{Chain: c, table: loaded}
	}
	return loaded
}

// A reader reads each chain once, when packets of any space reach it, and loads its rules
// for each space whose packets reach it.
type reader struct {
	source   Source
	loaders  []*loader                        // by space
	includes func(*nft.Table, *nft.Rule) bool // which rules to load; nil: all
	tracking map[nft.Family]bool              // see isTracking; by family, once it is known
}

func newReader(source Source, spaces ...*space) *reader {
	r := &reader{source: source, tracking: map[nft.Family]bool{}}
	typed := map[nft.Expression]expr.Any{}
	for _, s := range spaces {
		r.loaders = append(r.loaders, newLoader(s, typed))
	}
	return r
}

// rules returns the rules of a chain that packets of a space can match.
func (r *reader) rules(c *chain, space int) ([]*rule, error) {
	if err := r.read(c); err != nil {
		return nil, err
	}
	l := r.loaders[space]
	if c.loaded[space] || !c.table.meets(l.space.family) {
		return c.rules[space], nil
	}
	for _, raw := range c.raw {
		if loaded := l.load(c.table.Family, raw); loaded != nil {
			c.rules[space] = append(c.rules[space], loaded)
		}
	}
	c.loaded[space] = true
	return c.rules[space], nil
}

// read reads the rules of a chain once.
func (r *reader) read(c *chain) error {
	if c.loaded != nil {
		return nil
	}
	var list []*nft.Rule
	for raw, err := range r.source.Rules(c.table.Table, c.Chain) {
		if err != nil {
			return err
		}
		if r.includes == nil || r.includes(c.table.Table, raw) {
			list = append(list, raw)
		}
	}
	c.raw, c.rules, c.loaded = list, make([][]*rule, len(r.loaders)), make([]bool, len(r.loaders))
	return nil
}

// meets reports whether packets of the family pass through the table.
func (t *table) meets(family nft.Family) bool {
	if t.Family == nft.IPv4 || t.Family == nft.IPv6 {
		return t.Family == family
	}
	return true
}

// set returns a set of the table, or nil if the table has no such set.
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

// describe reads the anonymous sets of the rules that were found, for their text.
func (r *reader) describe(found []*Finding) error {
	for _, f := range found {
		raw, ok := f.rule.(*nft.Rule)
		if !ok {
			continue
		}
		var sets []*nft.Set
		for _, name := range raw.SetNames() {
			s, err := r.set(f.table, name)
			if err != nil {
				return err
			}
			if s == nil || !s.head.IsAnonymous() {
				continue
			}
			if elements, err := r.firstElements(f.table, s); err != nil {
				return err
			} else if len(elements) <= maxText {
				sets = append(sets, s.head.WithElements(elements))
			}
		}
		if len(sets) > 0 {
			f.rule = raw.WithSets(sets)
		}
	}
	return nil
}

// maxText is the number of elements of a set, with the ends of intervals, up to which the
// text of a rule has them. A set with more has its name there.
const maxText = 64

// firstElements returns the first elements of a set: more than maxText if it has more.
func (r *reader) firstElements(t *table, s *set) (list []nft.Element, _ error) {
	for e, err := range r.source.Elements(t.Table, s.head) {
		if err != nil || len(list) > maxText {
			return list, err
		}
		list = append(list, e)
	}
	return list, nil
}

// A Source reads the contents of tables. This package reads only what packets can reach,
// because there may be many rules and elements, and makes no other call during an iteration.
type Source interface {
	Sets(*nft.Table) ([]*nft.Set, error) // includes anonymous sets
	Rules(*nft.Table, *nft.Chain) iter.Seq2[*nft.Rule, error]
	Elements(*nft.Table, *nft.Set) iter.Seq2[nft.Element, error]
	Helpers(*nft.Table) (map[string]string, error) // of connection tracking, by the name of the object
}

var _ Source = (*nft.Conn)(nil)

// inMemory is the Source of complete tables.
type inMemory struct{}

func (inMemory) Sets(t *nft.Table) ([]*nft.Set, error) { return t.Sets, nil }

func (inMemory) Helpers(t *nft.Table) (map[string]string, error) { return t.Helpers(), nil }

func (inMemory) Rules(_ *nft.Table, c *nft.Chain) iter.Seq2[*nft.Rule, error] { return each(c.Rules) }

func (inMemory) Elements(_ *nft.Table, s *nft.Set) iter.Seq2[nft.Element, error] {
	return each(s.Elements)
}

func each[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range list {
			if !yield(item, nil) {
				return
			}
		}
	}
}

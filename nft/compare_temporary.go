package nft

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// replaceByTemporary recreates sets that the kernel cannot change in place: first the
// rules look up copies of them under temporary names, then the sets themselves again.
// The base chains stay hooked all the time.
func (d *tableDifference) replaceByTemporary() [][]message {
	sets := d.recreated()
	names := d.temporaryNames(sets)
	copies := d.next.withSetNames(names)
	toCopies := compareTables(d.old, copies, d.temporary)
	var back, drop []message
	for _, s := range sets {
		if temporary := copies.Set(names[s.Name]); temporary != nil {
			drop = append(drop, d.next.delSet(temporary))
		} else {
			back = append(back, d.next.delSet(s))
		}
		back = append(back, createContents(d.next, []*Set{s}, nil)...)
	}
	for i, c := range d.next.Chains {
		// The rules that look up the copies have no known handles yet.
		if !slices.Equal(c.Rules, copies.Chains[i].Rules) {
			back = append(back, d.next.flushChain(c))
			back = append(back, createContents(d.next, nil, []*Chain{c})...)
		}
	}
	return [][]message{
		slices.Concat(toCopies.create, toCopies.fill, toCopies.switches),
		slices.Concat(toCopies.drop, back),
		drop,
	}
}

// recreated are the first replaced set and all sets after it. So all sets keep their
// places in the kernel's list, and a rollback leads to the same list.
func (d *tableDifference) recreated() []*Set {
	sets := keepOrder(d.old.Sets, d.next.Sets, func(s *Set) string { return s.Name })
	return sets[slices.IndexFunc(sets, func(s *Set) bool { return slices.Contains(d.replaced, s) }):]
}

// temporaryNames gives each of the sets a name that no set has: a set of an apply
// that was killed may still be there. The ledger gets none: no rule looks it up, and
// lvsmark must find it under its own name at any time.
func (d *tableDifference) temporaryNames(sets []*Set) map[string]string {
	names := map[string]string{}
	for _, s := range sets {
		if isLedgerSet(s.Name) {
			continue
		}
		name := s.Name + "-next"
		for d.old.Set(name) != nil || d.next.Set(name) != nil {
			name += "-next"
		}
		names[s.Name] = name
	}
	return names
}

// withSetNames is the table with other names for some sets.
func (t *Table) withSetNames(names map[string]string) *Table {
	renamed := *t
	renamed.Sets = slices.Clone(t.Sets)
	for i, s := range t.Sets {
		if name := names[s.Name]; name != "" {
			set := *s
			set.Name = name
			renamed.Sets[i] = &set
		}
	}
	renamed.Chains = slices.Clone(t.Chains)
	for i, c := range t.Chains {
		chain := *c
		chain.Rules = slices.Clone(c.Rules)
		for j, r := range c.Rules {
			chain.Rules[j] = r.withSetNames(names)
		}
		renamed.Chains[i] = &chain
	}
	return &renamed
}

// withSetNames is the rule with other names for the sets that it looks up, or the
// rule itself where it looks up none of them.
func (r *Rule) withSetNames(names map[string]string) *Rule {
	var list []Expression
	looks := false
	for e := range r.All() {
		if set, _ := e.attribute(unix.NFTA_LOOKUP_SET); e.Name == "lookup" && names[strings.TrimRight(set, "\x00")] != "" {
			looks = true
			e = e.lookupIn(names[strings.TrimRight(set, "\x00")])
		}
		list = append(list, e)
	}
	if !looks {
		return r
	}
	return &Rule{Expressions: expressionList(list), Comment: r.Comment, rest: r.rest}
}

// lookupIn is a lookup in another set. It also works for one that has no typed view.
func (e Expression) lookupIn(set string) Expression {
	var lookup []byte
	for typ, data := range netlink.Attributes(e.Data) {
		if typ == unix.NFTA_LOOKUP_SET {
			data = set + "\x00"
		}
		lookup = netlink.AppendAttribute(lookup, typ, data)
	}
	e.Data = string(lookup)
	return e
}

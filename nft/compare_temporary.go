package nft

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// replaceByTemporary recreates sets that the kernel cannot change in place: it switches the
// rules to copies under temporary names, recreates the sets, and switches the rules back.
// The base chains stay hooked.
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
		// The handles of the rules that look up the copies are not known yet.
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

// recreated returns the first replaced set and all sets after it. Thus all sets keep their
// order in the kernel's list, and a rollback restores the same list.
func (d *tableDifference) recreated() []*Set {
	sets := keepOrder(d.old.Sets, d.next.Sets, func(s *Set) string { return s.Name })
	return sets[slices.IndexFunc(sets, func(s *Set) bool { return slices.Contains(d.replaced, s) }):]
}

// temporaryNames returns a free name for each of the sets: a set of a killed apply may still
// exist. The sets of the ledger get none: no rule looks them up, and they must always exist
// under their own names.
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

// withSetNames returns the table with some sets renamed.
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

// withSetNames returns the rule with lookups in the renamed sets, or the rule itself if it
// looks up none of them.
func (r *Rule) withSetNames(names map[string]string) *Rule {
	var list []Expression
	found := false
	for e := range r.All() {
		if set, _ := e.attribute(unix.NFTA_LOOKUP_SET); e.Name == "lookup" && names[strings.TrimRight(set, "\x00")] != "" {
			found = true
			e = e.lookupIn(names[strings.TrimRight(set, "\x00")])
		}
		list = append(list, e)
	}
	if !found {
		return r
	}
	return &Rule{Expressions: expressionList(list), Comment: r.Comment, rest: r.rest}
}

// lookupIn returns a lookup in another set, also for a lookup without a typed view.
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

package nft

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// replaceByTemporary makes sets anew that cannot be turned in place: first the rules
// ask copies beside them, under temporary names, then the sets of the right name.
// The base chains stay hooked all the time.
func (d *tableDifference) replaceByTemporary() [][]message {
	again := d.madeAgain()
	names := d.temporaryNames(again)
	beside := d.next.asking(names)
	there := compareTables(d.old, beside, d.temporary)
	var back, gone []message
	for _, s := range again {
		if temporary := beside.Set(names[s.Name]); temporary != nil {
			gone = append(gone, d.next.delSet(temporary))
		} else {
			back = append(back, d.next.delSet(s))
		}
		back = append(back, createContents(d.next, []*Set{s}, nil)...)
	}
	for i, c := range d.next.Chains {
		// Nobody knows yet what handles the rules will have that ask the copies.
		if !slices.Equal(c.Rules, beside.Chains[i].Rules) {
			back = append(back, d.next.flushChain(c))
			back = append(back, createContents(d.next, nil, []*Chain{c})...)
		}
	}
	return [][]message{
		slices.Concat(there.create, there.fill, there.switches),
		slices.Concat(there.drop, back),
		gone,
	}
}

// madeAgain are the sets from the first on that is replaced: so all keep their
// places in the kernel's list, and the way back leads to the same list.
func (d *tableDifference) madeAgain() []*Set {
	sets := inOrder(d.old.Sets, d.next.Sets, func(s *Set) string { return s.Name })
	return sets[slices.IndexFunc(sets, func(s *Set) bool { return slices.Contains(d.replaced, s) }):]
}

// temporaryNames gives each of the sets a name that no set has: one of an earlier
// apply that was killed may still be there. The ledger needs none: no packet
// asks it, and it must be found under its own name at any time.
func (d *tableDifference) temporaryNames(sets []*Set) map[string]string {
	names := map[string]string{}
	for _, s := range sets {
		if inLedger(s.Name) {
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

// asking is the table with other names for some sets.
func (t *Table) asking(names map[string]string) *Table {
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
			chain.Rules[j] = r.asking(names)
		}
		renamed.Chains[i] = &chain
	}
	return &renamed
}

// asking is the rule with other names for the sets that it looks up, or the same
// rule where it looks up none of them.
func (r *Rule) asking(names map[string]string) *Rule {
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

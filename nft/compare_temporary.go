package nft

import (
	"fmt"
	"slices"
)

// replaceByTemporary recreates sets that the kernel cannot change in place: it switches the
// rules to copies under temporary names, recreates the sets, and switches the rules back.
// The base chains stay hooked.
func (d *tableDifference) replaceByTemporary() [][]message {
	sets := d.recreated()
	names := d.temporaryNames(sets)
	copies := d.next.withSetNames(names)
	toCopies := compareTables(d.old, copies, d.temporary)
	var recreate, back, drop []message
	for _, s := range sets {
		if temporary := copies.Set(names[s.Name]); temporary != nil {
			drop = append(drop, d.next.delSet(temporary))
		} else {
			recreate = append(recreate, d.next.delSet(s))
		}
		recreate = append(recreate, createContents(d.next, []*Set{s}, nil)...)
	}
	for i, c := range d.next.Chains {
		// The handles of the rules that look up the copies are not known yet.
		if !slices.Equal(c.Rules, copies.Chains[i].Rules) {
			back = append(back, d.next.flushChain(c))
			back = append(back, createContents(d.next, nil, []*Chain{c})...)
		}
	}
	d.staged = slices.ContainsFunc(sets, (*Set).mayMissElements)
	transactions := d.staging(slices.Concat(toCopies.clear, toCopies.create, toCopies.fill), toCopies.switches)
	transactions = append(transactions, d.staging(slices.Concat(toCopies.drop, recreate), back)...)
	return append(transactions, drop)
}

// recreated returns the first replaced set and all sets after it. Thus all sets keep their
// order in the kernel's list, and a rollback restores the same list.
func (d *tableDifference) recreated() []*Set {
	sets := d.next.Sets
	if !d.ordered {
		sets = keepOrder(d.old.Sets, d.next.Sets, func(s *Set) string { return s.Name })
	}
	return sets[slices.IndexFunc(sets, func(s *Set) bool { return slices.Contains(d.replaced, s) }):]
}

// keepTargetOrder has sets recreated, so that the kernel lists all sets in the order of next:
// those that stay, but would precede a new set. Chains can have another order: the kernel
// would have to unhook base chains.
func (d *tableDifference) keepTargetOrder() {
	d.ordered = true
	sets := keepOrder(d.old.Sets, d.next.Sets, func(s *Set) string { return s.Name })
	for i, s := range d.next.Sets {
		if s != sets[i] {
			d.replaced = append(d.replaced, s)
			return
		}
	}
}

// temporaryNames returns a free name for each of the sets: a set of a killed apply, or one
// that was added by hand, may have the first choice. The sets of the ledger get none: no
// rule looks them up, and they must always exist under their own names.
func (d *tableDifference) temporaryNames(sets []*Set) map[string]string {
	names := map[string]string{}
	chosen := map[string]bool{}
	for _, s := range sets {
		if isLedgerSet(s.Name) {
			continue
		}
		name := freeName(s.Name, func(name string) bool { return chosen[name] || d.old.hasSet(name) || d.next.hasSet(name) })
		names[s.Name], chosen[name] = name, true
	}
	return names
}

// hasSet reports whether the table has a set of that name, also an anonymous one of a rule.
func (t *Table) hasSet(name string) bool {
	return t.Set(name) != nil || slices.ContainsFunc(t.Chains, func(c *Chain) bool {
		return slices.ContainsFunc(c.Rules, func(r *Rule) bool { return r.anonymous.hasSet(name) })
	})
}

// takesNameOf reports whether a rule of the table has an anonymous set with the name of a
// set of the old table that it lacks: the rule can be created only after that is deleted.
func (t *Table) takesNameOf(old *Table) bool {
	return slices.ContainsFunc(old.Sets, func(s *Set) bool { return t.Set(s.Name) == nil && t.hasSet(s.Name) })
}

// maxName is the maximum length in bytes of the name of a table or set: NFT_NAME_MAXLEN of
// linux/netfilter/nf_tables.h, which includes a NUL.
const maxName = 255

// freeName returns a name for a temporary copy of an object that is not taken.
func freeName(name string, taken func(string) bool) string {
	for n, suffix := 1, "-next"; ; n, suffix = n+1, fmt.Sprintf("-next%d", n+1) {
		free := name[:min(len(name), maxName-len(suffix))] + suffix
		if !taken(free) {
			return free
		}
	}
}

// withSetNames returns the table with some sets renamed.
func (t *Table) withSetNames(names map[string]string) *Table {
	renamed := *t
	renamed.Sets = slices.Clone(t.Sets)
	for i, s := range t.Sets {
		if name := names[s.Name]; name != "" {
			set := *s
			set.Name, set.copyOf = name, s
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

// withSetNames returns the rule with references to the renamed sets, or the rule itself if
// it refers to none of them.
func (r *Rule) withSetNames(names map[string]string) *Rule {
	found := false
	expressions := r.rewrite(func(e Expression) Expression {
		set, _ := e.references()
		if names[set] == "" || r.anonymous.set(set) != nil {
			return e
		}
		found = true
		return e.withSet(names[set], 0)
	})
	chains := make([]*Chain, len(r.anonymous.chains))
	for i, c := range r.anonymous.chains {
		chain := *c
		chain.Rules = make([]*Rule, len(c.Rules))
		for j, inner := range c.Rules {
			chain.Rules[j] = inner.withSetNames(names)
			found = found || chain.Rules[j] != inner
		}
		chains[i] = &chain
	}
	if !found {
		return r
	}
	renamed := *r
	renamed.Handle, renamed.Expressions, renamed.anonymous.chains, renamed.copyOf = 0, expressions, chains, r
	return &renamed
}

// original returns the set, or the set of which it is a temporary copy.
func (s *Set) original() *Set {
	if s.copyOf != nil {
		return s.copyOf
	}
	return s
}

// original returns the rule, or the rule of which it is a copy for temporary sets.
func (r *Rule) original() *Rule {
	if r.copyOf != nil {
		return r.copyOf
	}
	return r
}

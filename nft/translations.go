package nft

import (
	"slices"

	"golang.org/x/sys/unix"
)

// translations are the rules of a family that give active data another source,
// each with its set of sources.
func (r *Ruleset) translations(family Family) []translation {
	var list []translation
	for _, t := range r.Tables {
		for _, c := range t.natChains(family) {
			for _, rule := range c.Rules {
				if tr, ok := t.translation(rule); ok {
					list = append(list, tr)
				}
			}
		}
	}
	return list
}

// natChains are the chains of the table that make the kernel translate.
func (t *Table) natChains(family Family) []*Chain {
	if t.Family != family || t.Flags&unix.NFT_TABLE_F_DORMANT != 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(t.Chains), func(c *Chain) bool {
		return c.Type != "nat" || c.Hook != unix.NF_INET_POST_ROUTING
	})
}

func (t translation) sources() []sourceRange {
	var list []sourceRange
	for i, e := range t.set.Elements {
		p := e.parts()
		first, ok := addrOf(p.key)
		if !ok || p.end {
			continue
		}
		last := first
		if t.set.isInterval() {
			last = t.set.lastOf(i, first)
		}
		list = append(list, sourceRange{t.port, first, last})
	}
	return list
}

// findUntranslated finds the changes by which a source loses its translation:
// the deletion of its element, or of a rule whose elements stay.
func findUntranslated(changes []Change, from, to *Ruleset) {
	var ranges []sourceRange
	var before []translation
	for _, f := range Families() {
		before = append(before, from.translations(f)...)
		for _, t := range to.translations(f) {
			ranges = append(ranges, t.sources()...)
		}
	}
	after := indexSources(ranges)
	told := map[*Set]bool{}
	for i := range changes {
		c := &changes[i]
		for _, t := range before {
			if c.Op == Delete && c.set == t.set {
				told[t.set] = true
				c.Untranslated = c.Untranslated || !after.holds(c.sourcesOf(t.port))
			}
		}
	}
	for i := range changes {
		if c := &changes[i]; c.RuleKind == RuleTranslates {
			t, _ := c.table.translation(c.rule)
			c.Untranslated = !told[t.set] && slices.ContainsFunc(t.sources(), func(s sourceRange) bool { return !after.holds(s) })
		}
	}
}

// findEndOfNAT finds the chains with which the kernel may stop to translate: it
// does for all connections of a family, those that are established too, when no
// nat chain is left (nf_nat_unregister_fn in net/netfilter/nf_nat_core.c).
func findEndOfNAT(changes []Change, from, to *Ruleset) {
	for _, f := range Families() {
		if slices.ContainsFunc(to.Tables, func(t *Table) bool { return len(t.natChains(f)) > 0 }) {
			continue
		}
		for i := range changes {
			c := &changes[i]
			if c.Op != Delete || c.chain == nil || !slices.Contains(c.table.natChains(f), c.chain) {
				continue
			}
			c.EndsNAT = true
			for _, t := range from.translations(f) {
				c.sources = append(c.sources, t.sources()...)
			}
			break
		}
	}
}

// sourcesOf are the addresses of the element that changes.
func (c *Change) sourcesOf(port uint16) sourceRange {
	if c.interval != nil {
		return sourceRange{port, c.interval.first, c.interval.last}
	}
	address, _ := addrOf(c.element.parts().key)
	return sourceRange{port, address, address}
}

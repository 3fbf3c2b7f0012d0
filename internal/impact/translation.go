package impact

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// translations are the rules of a family that give active data connections another
// source address.
func translations(r *nft.Ruleset, family nft.Family) []nft.TranslationRule {
	var list []nft.TranslationRule
	for _, t := range r.Tables {
		for _, c := range natChains(t, family) {
			for _, rule := range c.Rules {
				if translation, ok := t.TranslationRule(rule); ok {
					list = append(list, translation)
				}
			}
		}
	}
	return list
}

// natChains are the chains of the table that make the kernel translate addresses of
// the family.
func natChains(t *nft.Table, family nft.Family) []*nft.Chain {
	if t.Family != family || t.IsDormant() {
		return nil
	}
	return t.NATChains()
}

func sourcesOf(t nft.TranslationRule) []sourceRange {
	var list []sourceRange
	for _, addresses := range t.Sources.AddressRanges() {
		list = append(list, sourceRange{t.Port, addresses})
	}
	return list
}

// findUntranslated finds the changes after which some active data connections keep
// their source address: the deletion of an element with such a source, or of the rule
// whose elements stay.
func (c *consequences) findUntranslated(before, after *nft.Ruleset) {
	var old []nft.TranslationRule
	var next []sourceRange
	for _, f := range nft.Families() {
		old = append(old, translations(before, f)...)
		for _, t := range translations(after, f) {
			next = append(next, sourcesOf(t)...)
		}
	}
	index := indexSources(next)
	reported := map[*nft.Set]bool{} // sets whose elements are deleted, each in a change of its own
	for i := range c.changes {
		deleted := c.changes[i].Before
		for _, t := range old {
			if c.changes[i].Op != nft.Delete || !deleted.IsElement() || deleted.Set != t.Sources {
				continue
			}
			reported[t.Sources] = true
			if !index.holds(sourceRange{t.Port, deleted.AddressRange()}) {
				c.at(i).untranslated = true
			}
		}
	}
	for i := range c.changes {
		if c.kinds[i] != ruleTranslates {
			continue
		}
		t, _ := c.changes[i].Before.Table.TranslationRule(c.changes[i].Before.Rule)
		if !reported[t.Sources] && slices.ContainsFunc(sourcesOf(t), func(s sourceRange) bool { return !index.holds(s) }) {
			c.at(i).untranslated = true
		}
	}
}

// findEndOfNAT finds the chains with whose deletion the kernel may stop to translate:
// when a family has no nat chain left, the kernel no longer translates its
// connections, not even established ones (nf_nat_unregister_fn in
// net/netfilter/nf_nat_core.c).
func (c *consequences) findEndOfNAT(before, after *nft.Ruleset) {
	for _, f := range nft.Families() {
		if slices.ContainsFunc(after.Tables, func(t *nft.Table) bool { return len(natChains(t, f)) > 0 }) {
			continue
		}
		i := slices.IndexFunc(c.changes, func(change nft.Change) bool {
			o := change.Before
			return change.Op == nft.Delete && o.Chain != nil && o.Rule == nil && slices.Contains(natChains(o.Table, f), o.Chain)
		})
		if i < 0 {
			continue
		}
		end := &natEnd{family: specFamily(f)}
		for _, t := range translations(before, f) {
			end.sources = append(end.sources, sourcesOf(t)...)
		}
		c.at(i).natEnd = end
	}
}

// A natEnd is the deletion of lvsmark's last nat chain of a family.
type natEnd struct {
	family  config.Family
	sources []sourceRange // whose connections were translated
}

// specFamily is the family of a spec whose packets the tables of f meet.
func specFamily(f nft.Family) config.Family {
	if f == nft.IPv4 {
		return config.IPv4
	}
	return config.IPv6
}

// translated counts the established connections that the kernel translates for lvsmark.
func (n *natEnd) translated(connections Connections) (int, error) {
	sources, err := connections.Translated(n.family)
	if err != nil {
		return 0, err
	}
	index, count := indexSources(n.sources), 0
	for _, source := range sources {
		address := source.Addr()
		if index.holds(sourceRange{source.Port(), nft.AddressRange{First: address, Last: address}}) {
			count++
		}
	}
	return count, nil
}

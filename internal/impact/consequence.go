package impact

import (
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A consequence is what one change of nftables does to packets. The zero value: nothing.
type consequence struct {
	markChanges  []markChange // marks that packets lose or exchange
	untranslated bool         // some active data connections keep their source address
	keptSources  []ipvs.Key   // services whose new connections keep the address of the client
	newSources   []ipvs.Key   // services whose new connections get another source address
	localClients bool         // packets of the director itself get no mark in the output hook
	natEnd       *natEnd      // nil: the kernel continues to translate
}

// consequences has the consequence of each change of a list.
type consequences struct {
	changes []nft.Change
	found   []*consequence // for each change; nil: the zero value
	kinds   []ruleKind     // for each change
}

// at returns the consequence of a change, for writing.
func (c *consequences) at(i int) *consequence {
	if c.found[i] == nil {
		c.found[i] = &consequence{}
	}
	return c.found[i]
}

// of returns the consequence of a change.
func (c *consequences) of(i int) consequence {
	if c.found[i] == nil {
		return consequence{}
	}
	return *c.found[i]
}

// findUntranslated finds the changes after which some active data connections keep
// their source address: the deletion of an element with the source, or of a rule
// whose elements are not deleted.
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
	reported := map[*nft.Set]bool{} // sets whose elements are deleted by other changes
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

// findEndOfNAT finds the deletions of chains after which the kernel may stop translating:
// if a family has no nat chain left, the kernel no longer translates its
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
		end.services = sourceNATKeys(before)
		maps.DeleteFunc(end.services, func(k ipvs.Key, _ bool) bool { return k.Family != end.family })
		c.at(i).natEnd = end
		for _, found := range c.found {
			if found != nil { // natEnd cuts all connections of these services
				found.newSources = slices.DeleteFunc(found.newSources, func(k ipvs.Key) bool { return end.services[k] })
			}
		}
	}
}

// findLocalClients finds the deletion of the chain that marks packets of the director,
// unless the table goes with it.
func (c *consequences) findLocalClients(after *nft.Ruleset) {
	for i := range c.changes {
		o := c.changes[i].Before
		if c.changes[i].Op != nft.Delete || o.Chain == nil || o.Rule != nil || o.Chain.Hook != nft.HookOutput || !slices.Contains(o.Table.MarkChains(), o.Chain) {
			continue
		}
		next := slices.IndexFunc(after.Tables, func(t *nft.Table) bool { return t.Family == o.Table.Family })
		c.at(i).localClients = next >= 0 && !marksOutput(after.Tables[next])
	}
}

func marksOutput(t *nft.Table) bool {
	return slices.ContainsFunc(t.MarkChains(), func(c *nft.Chain) bool { return c.Hook == nft.HookOutput })
}

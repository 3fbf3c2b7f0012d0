package impact

import (
	"slices"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// sourceNATKeys returns the services whose connections get another source address.
func sourceNATKeys(r *nft.Ruleset) map[ipvs.Key]bool {
	keys := map[ipvs.Key]bool{}
	for _, f := range nft.Families() {
		for _, t := range r.Tables {
			for _, c := range natChains(t, f) {
				for _, rule := range c.Rules {
					if s, ok := t.SourceNATRule(rule); ok {
						addKeys(keys, f, s.Marks.MarkKeys())
					}
				}
			}
		}
	}
	return keys
}

func addKeys(keys map[ipvs.Key]bool, f nft.Family, marks []uint32) {
	for _, mark := range marks {
		keys[ipvs.Key{Mark: mark, Family: specFamily(f)}] = true
	}
}

// findKeptSources finds the changes after which new connections of a service keep the
// address of the client: the deletion of an element with the mark, or of a rule whose
// elements are not deleted.
func (c *consequences) findKeptSources(before, after *nft.Ruleset) {
	lost := sourceNATKeys(before)
	for key := range sourceNATKeys(after) {
		delete(lost, key)
	}
	for i := range c.changes {
		mark, ok := c.changes[i].Before.MarkKey()
		if ok && c.changes[i].Op == nft.Delete {
			c.keepSource(i, lost, mark)
		}
	}
	for i := range c.changes {
		if c.kinds[i] == ruleSourceNAT {
			rule, _ := c.changes[i].Before.Table.SourceNATRule(c.changes[i].Before.Rule)
			c.keepSource(i, lost, rule.Marks.MarkKeys()...)
		}
	}
}

// keepSource moves the lost services with these marks to the consequence of a change.
func (c *consequences) keepSource(i int, lost map[ipvs.Key]bool, marks ...uint32) {
	for _, mark := range marks {
		key := ipvs.Key{Mark: mark, Family: specFamily(c.changes[i].Before.Table.Family)}
		if lost[key] {
			delete(lost, key)
			c.at(i).keptSources = append(c.at(i).keptSources, key)
		}
	}
}

// sourcesKept returns the impact of connections that keep the address of the client. A
// service that is no longer desired has none.
func (a *analyzer) sourcesKept(keys []ipvs.Key) Impact {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k ipvs.Key) bool { return a.clusters[k] == nil })
	if len(keys) == 0 {
		return Impact{Effect: Safe}
	}
	return Impact{Effect: Drains, Cluster: a.clusterName(keys[0]), Detail: "real servers see the addresses of new clients, and need a route to them through the director"}
}

// establishedOf counts the connections of the services that no other change cuts.
func (a *analyzer) establishedOf(keys map[ipvs.Key]bool) int {
	n := 0
	if len(keys) == 0 {
		return n
	}
	for vip, list := range a.connections() {
		if a.isRemoved(vip) {
			continue
		}
		for _, c := range list {
			if keys[a.serviceOf(c)] && !a.endsWithServer(c) {
				n++
			}
		}
	}
	return n
}

package impact

import (
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// sourceNATs returns how the connections of services get another source address.
func sourceNATs(r *nft.Ruleset) map[ipvs.Key]config.SourceNAT {
	sources := map[ipvs.Key]config.SourceNAT{}
	for _, f := range nft.Families() {
		for _, t := range r.Tables {
			for _, c := range natChains(t, f) {
				for _, rule := range c.Rules {
					if s, ok := t.SourceNATRule(rule); ok {
						for _, mark := range s.Marks.MarkKeys() {
							sources[ipvs.Key{Mark: mark, Family: specFamily(f)}] = s.To
						}
					}
				}
			}
		}
	}
	return sources
}

// sourceNATKeys returns the services whose connections get another source address.
func sourceNATKeys(r *nft.Ruleset) map[ipvs.Key]bool {
	keys := map[ipvs.Key]bool{}
	for key := range sourceNATs(r) {
		keys[key] = true
	}
	return keys
}

// findNewSources finds the changes after which connections of a service get another source
// address than before: the deletion or the addition of an element with the mark, or of a
// rule.
func (c *consequences) findNewSources(before, after *nft.Ruleset) {
	old, next := sourceNATs(before), sourceNATs(after)
	changed := map[ipvs.Key]bool{}
	for _, key := range slices.Concat(slices.Collect(maps.Keys(old)), slices.Collect(maps.Keys(next))) {
		changed[key] = old[key] != next[key]
	}
	for _, op := range []nft.Op{nft.Delete, nft.Add} {
		for i := range c.changes {
			if c.changes[i].Op == op {
				c.newSources(i, changed)
			}
		}
	}
}

// newSources moves the changed services of an element or a rule to the consequence of its
// change.
func (c *consequences) newSources(i int, changed map[ipvs.Key]bool) {
	o := c.changes[i].Object()
	var marks []uint32
	if mark, ok := o.MarkKey(); ok {
		marks = []uint32{mark}
	} else if o.Rule != nil {
		if rule, ok := o.Table.SourceNATRule(o.Rule); ok {
			marks = rule.Marks.MarkKeys()
		}
	}
	for _, mark := range marks {
		key := ipvs.Key{Mark: mark, Family: specFamily(o.Table.Family)}
		if changed[key] {
			delete(changed, key)
			c.at(i).newSources = append(c.at(i).newSources, key)
		}
	}
}

// sessionsBroken returns the impact of another source address on FTP sessions: servers refuse
// a data connection from another address than that of the control connection.
func (a *analyzer) sessionsBroken(keys []ipvs.Key) Impact {
	impact := Impact{Effect: Safe}
	for _, key := range keys {
		if cluster := a.clusters[key]; cluster == nil || cluster.FTP == nil {
			continue
		}
		for _, s := range a.servers[key] {
			if s.Forwarding == config.NAT && !a.removed[key][s.Endpoint()] {
				impact.Connections += int(s.Connections.Active)
			}
		}
		impact.Cluster = a.clusterName(key)
	}
	if impact.Connections > 0 {
		impact.Effect = Cuts
		impact.Detail = "the next data connection of an FTP session comes from another address, which FTP servers refuse"
	}
	return impact
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
		if mark, ok := c.changes[i].Before.MarkKey(); ok { // an edited element has its mark as before
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

// sourcesChanged returns the impact of connections with another source address than before.
func (a *analyzer) sourcesChanged(c consequence) Impact {
	kept, broken := a.sourcesKept(c.keptSources), a.sessionsBroken(c.newSources)
	if broken.Effect == Safe {
		return kept
	}
	if kept.Effect != Safe {
		broken.Detail += "; " + kept.Detail
	}
	return broken
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

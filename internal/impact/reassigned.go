package impact

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

const (
	otherServer       = "an FTP session's next data connection may reach another real server"
	otherActiveServer = "an FTP session's next active data connection may reach another real server"
)

// reassigned adds to the impact of a change what it does to the sessions of the other real servers:
// sh, mh and dh fill their table of clients anew when a real server comes, goes or gets another
// weight (dest_changed of ip_vs_sh.c, ip_vs_mh.c and ip_vs_dh.c). Without persistence, that table
// assigns the next data connection of a session too. The first such change of a service has the
// sessions of all its real servers that stay.
func (a *analyzer) reassigned(c ipvs.Change, impact Impact) Impact {
	key := c.Service.Key
	if first, ok := a.firstReassigning()[key]; !ok || first != c {
		return impact
	}
	sessions := 0
	for _, s := range a.servers[key] {
		if !a.removed[key][s.Endpoint()] {
			sessions += int(s.Connections.Active)
		}
	}
	if sessions == 0 {
		return impact
	}
	if a.hasShards(key) {
		return activeReassigned(impact)
	}
	if c.Op == ipvs.DelDestination {
		sessions += impact.Connections
	}
	detail := otherServer
	if impact.Detail != "" {
		detail += "; " + impact.Detail
	}
	return Impact{Effect: Cuts, Connections: sessions, Unknown: impact.Unknown, Cluster: a.clusterName(key), Detail: detail, Reassigns: true}
}

// activeReassigned adds to the impact of a change of a cluster with shards what it does to active
// data. Passive data has the marks of shards.
func activeReassigned(impact Impact) Impact {
	if impact.Detail == "" {
		impact.Detail = otherActiveServer
	} else {
		impact.Detail = otherActiveServer + "; " + impact.Detail
	}
	if impact.Effect == Safe {
		impact.Effect = Drains
	}
	return impact
}

// marksActive reports whether answers to active data carry the mark of the service: those to real
// servers with direct or tunnel forwarding do, also in a cluster with shards.
func (a *analyzer) marksActive(key ipvs.Key) bool {
	return slices.ContainsFunc(a.servers[key], func(d ipvs.Destination) bool { return d.Forwarding == config.Direct || d.Forwarding == config.Tunnel })
}

// firstReassigning returns the first change of each service after which its clients are assigned
// anew.
func (a *analyzer) firstReassigning() map[ipvs.Key]ipvs.Change {
	if a.reassigning != nil {
		return a.reassigning
	}
	hashing := map[ipvs.Key]ipvs.Service{}
	for _, s := range a.Before.Services {
		if cluster := a.clusters[s.Key]; cluster != nil && cluster.FTP != nil && hasTable(s.Service) && (!a.hasShards(s.Key) || a.marksActive(s.Key)) {
			hashing[s.Key] = s.Service
		}
	}
	a.reassigning = map[ipvs.Key]ipvs.Change{}
	for _, c := range a.Changes.Services {
		before, ok := hashing[c.Service.Key]
		if _, done := a.reassigning[c.Service.Key]; ok && !done && !losesAffinity(before, c.Service) && a.reassigns(c) {
			a.reassigning[c.Service.Key] = c
		}
	}
	return a.reassigning
}

// hasTable reports whether a table of the scheduler assigns each connection of a client.
func hasTable(s ipvs.Service) bool {
	return s.Timeout == 0 && choosesByAddress(s) && slices.Contains([]string{"sh", "mh", "dh"}, s.SchedName)
}

// reassigns reports whether sessions of real servers that stay can get another one. mh leaves real
// servers of weight 0 out of its table (ip_vs_mh_populate), dh ignores other weights.
func (a *analyzer) reassigns(c ipvs.Change) bool {
	a.serversBeforeOrAfter(c.Service.Key)
	several, scheduler := len(a.desired[c.Service.Key]) > 1, c.Service.SchedName
	switch before, after := c.Before.Weight, c.After.Weight; c.Op {
	case ipvs.AddDestination, ipvs.DelDestination:
		return several && (scheduler != "mh" || before+after > 0)
	case ipvs.EditDestination:
		drained := (before == 0) != (after == 0)
		return before != after && (several || drained) && (drained || scheduler != "dh")
	}
	return false
}

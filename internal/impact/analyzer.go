package impact

import (
	"fmt"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// Analyze returns the impact of each change.
func Analyze(in Input) Impacts {
	a := newAnalyzer(in)
	return Impacts{
		Settings: each(in.Changes.Settings, a.setting),
		Services: each(in.Changes.Services, a.service),
		Ruleset:  a.ruleset(),
		Removed:  each(in.Changes.Removed, a.removedAddress),
	}
}

func each[Change any](changes []Change, impactOf func(Change) Impact) []Impact {
	if len(changes) == 0 {
		return nil
	}
	impacts := make([]Impact, len(changes))
	for i, c := range changes {
		impacts[i] = impactOf(c)
	}
	return impacts
}

// An analyzer is an analysis of one Input.
type analyzer struct {
	Input
	index

	servers  map[ipvs.Key][]ipvs.Destination // real servers before the changes
	removed  map[ipvs.Key]map[ipvs.Endpoint]bool
	clusters map[ipvs.Key]*config.Cluster
	names    map[ipvs.Key]string // of clusters
}

func newAnalyzer(in Input) *analyzer {
	a := &analyzer{
		Input: in, removed: removedServers(in.Changes.Services),
		servers: map[ipvs.Key][]ipvs.Destination{}, clusters: map[ipvs.Key]*config.Cluster{}, names: map[ipvs.Key]string{},
	}
	for _, s := range in.Before.Services {
		a.servers[s.Key] = s.Destinations
	}
	if in.Before.Ruleset != nil {
		for b, name := range in.Before.Ruleset.Ledger().Bound {
			a.names[ipvs.Key{Mark: b.Mark, Family: b.Family}] = name
		}
	}
	if in.Spec == nil {
		return a
	}
	for _, family := range config.Families() {
		for _, b := range in.Spec.Bindings(family) {
			key := ipvs.Key{Mark: b.Mark, Family: family}
			a.clusters[key], a.names[key] = b.Cluster, b.Cluster.Name
		}
	}
	return a
}

// removedServers are the real servers that the changes remove from their service.
func removedServers(changes []ipvs.Change) map[ipvs.Key]map[ipvs.Endpoint]bool {
	removed := map[ipvs.Key]map[ipvs.Endpoint]bool{}
	for _, c := range changes {
		if c.Op != ipvs.DelDestination {
			continue
		}
		if removed[c.Service.Key] == nil {
			removed[c.Service.Key] = map[ipvs.Endpoint]bool{}
		}
		removed[c.Service.Key][c.Before.Endpoint()] = true
	}
	return removed
}

// clusterName is the name of the cluster of a mark, or "fwmark 21" where no cluster
// is known.
func (a *analyzer) clusterName(key ipvs.Key) string {
	if name := a.names[key]; name != "" {
		return name
	}
	return fmt.Sprintf("fwmark %d", key.Mark)
}

// markName is a mark with the name of its cluster: "fwmark 21 (ftp)".
func (a *analyzer) markName(key ipvs.Key) string {
	if name := a.names[key]; name != "" {
		return fmt.Sprintf("fwmark %d (%s)", key.Mark, name)
	}
	return fmt.Sprintf("fwmark %d", key.Mark)
}

// vipCluster is the name of the cluster of a VIP; empty where several clusters have
// it.
func (a *analyzer) vipCluster(vip netip.Addr) string {
	name := ""
	for _, ports := range a.marks()[vip] {
		next := a.clusterName(ipvs.Key{Mark: ports.mark, Family: config.FamilyOf(vip)})
		if name != "" && next != name {
			return ""
		}
		name = next
	}
	return name
}

// serviceOf is the key of the service that a connection was made by, as far as its
// VIP and port tell; Mark is 0 where they do not.
func (a *analyzer) serviceOf(c ipvs.Connection) ipvs.Key {
	key := ipvs.Key{Family: config.FamilyOf(c.VIP.Addr())}
	for _, ports := range a.marks()[c.VIP.Addr()] {
		if ports.Protocol == c.Protocol && ports.Low <= c.VIP.Port() && c.VIP.Port() <= ports.High {
			key.Mark = ports.mark
		}
	}
	return key
}

// endsWithServer reports whether the real server of the connection is removed. In a
// service by mark, the port of a real server is 0, and the connection has the port
// of the client.
func (a *analyzer) endsWithServer(c ipvs.Connection) bool {
	removed := a.removed[a.serviceOf(c)]
	return removed[ipvs.Endpoint{Address: c.RealServer.Addr()}] ||
		removed[ipvs.Endpoint{Address: c.RealServer.Addr(), Port: c.RealServer.Port()}]
}

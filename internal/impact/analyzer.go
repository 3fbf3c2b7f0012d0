package impact

import (
	"fmt"
	"maps"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
)

// An analyzer computes the impacts of one Input.
type analyzer struct {
	Input

	servers  map[ipvs.Key][]ipvs.Destination // real servers before the changes
	removed  map[ipvs.Key]map[ipvs.Endpoint]bool
	clusters map[ipvs.Key]*config.Cluster
	names    map[ipvs.Key]string // of bindings
	before   map[ipvs.Key]string // the same before the changes

	// Caches. Each is filled once, and only if a change needs it, because it can be large;
	// nil: not filled.

	marked      allMarks                                        // see marks
	underWay    map[netip.Addr][]ipvs.Connection                // see connections
	readError   error                                           // why underWay is incomplete; nil: complete
	udp         map[ipvs.Key]map[netip.Addr]int                 // see flows
	counts      map[ipvs.Key]map[ipvs.Endpoint]ipvs.Connections // see countsOf
	desired     map[ipvs.Key][]ipvs.Destination                 // see serversBeforeOrAfter
	serverNames map[netip.Addr]string                           // see serverName
	reassigning map[ipvs.Key]ipvs.Change                        // see firstReassigning
	on          *devices                                        // see devices
}

// devices has the addresses that are kept, removed or added.
type devices struct {
	kept, removed, added deviceIndex
	replaced             map[hostaddr.Address]bool
}

func newAnalyzer(in Input) *analyzer {
	a := &analyzer{
		Input: in, removed: removedServers(in.Changes.Services),
		servers: map[ipvs.Key][]ipvs.Destination{}, clusters: map[ipvs.Key]*config.Cluster{}, names: map[ipvs.Key]string{}, before: map[ipvs.Key]string{},
	}
	for _, s := range in.Before.Services {
		a.servers[s.Key] = s.Destinations
	}
	if in.Before.Ruleset != nil {
		for b, name := range in.Before.Ruleset.Ledger().Bound {
			a.before[ipvs.Key{Mark: b.Mark, Family: b.Family}] = name
		}
	}
	maps.Copy(a.names, a.before)
	if in.Spec == nil {
		return a
	}
	for _, family := range config.Families() {
		for _, b := range in.Spec.Bindings(family) {
			key := ipvs.Key{Mark: b.Mark, Family: family}
			a.clusters[key], a.names[key] = b.Cluster, b.Name()
		}
	}
	return a
}

// removedServers returns the real servers that the changes remove, by service.
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

// clusterName returns the name of the mark's cluster, or "fwmark 21" if it is unknown.
func (a *analyzer) clusterName(key ipvs.Key) string {
	if name, _ := config.SplitBindingName(a.names[key]); name != "" {
		return name
	}
	return fmt.Sprintf("fwmark %d", key.Mark)
}

// markName returns the mark with the name of its cluster: "fwmark 21 (ftp)".
func (a *analyzer) markName(key ipvs.Key) string {
	if name := a.names[key]; name != "" {
		return fmt.Sprintf("fwmark %d (%s)", key.Mark, name)
	}
	return fmt.Sprintf("fwmark %d", key.Mark)
}

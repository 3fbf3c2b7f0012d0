package lvsmark

import (
	"fmt"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// An analyzer makes the changes of a plan from its parts, and says of each what it
// does to live traffic. It works on the thread on which the plan was made.
type analyzer struct {
	plan     *Plan
	served   map[ipvs.Key][]ipvs.Destination // lvsmark's services, as they are
	clusters map[ipvs.Key]*config.Cluster
	names    map[ipvs.Key]string
	leaving  map[ipvs.Key]map[ipvs.Endpoint]bool

	index
}

func newAnalyzer(p *Plan) *analyzer {
	j := &analyzer{
		plan: p, leaving: p.leaving(),
		served: map[ipvs.Key][]ipvs.Destination{}, clusters: map[ipvs.Key]*config.Cluster{}, names: map[ipvs.Key]string{},
	}
	for _, s := range p.have {
		j.served[s.Key] = s.Destinations
	}
	for b, name := range p.live.Ledger().Bound {
		j.names[ipvs.Key{Mark: b.Mark, Family: b.Family}] = name
	}
	if p.spec == nil {
		return j
	}
	for _, family := range config.Families() {
		for _, b := range p.spec.Bindings(family) {
			key := ipvs.Key{Mark: b.Mark, Family: family}
			j.clusters[key], j.names[key] = b.Cluster, b.Cluster.Name
		}
	}
	return j
}

// cluster is the name of that which the mark is of.
func (j *analyzer) cluster(key ipvs.Key) string {
	if name := j.names[key]; name != "" {
		return name
	}
	return fmt.Sprintf("fwmark %d", key.Mark)
}

// mark is a mark with the name of its cluster: "fwmark 21 (ftp)".
func (j *analyzer) mark(key ipvs.Key) string {
	if name := j.names[key]; name != "" {
		return fmt.Sprintf("fwmark %d (%s)", key.Mark, name)
	}
	return fmt.Sprintf("fwmark %d", key.Mark)
}

// key is that of the service which a connection was made by, as far as its VIP
// and port tell; Mark is 0 where they do not.
func (j *analyzer) key(c ipvs.Connection) ipvs.Key {
	key := ipvs.Key{Family: config.FamilyOf(c.VIP.Addr())}
	for _, ports := range j.ports()[c.VIP.Addr()] {
		if ports.Protocol == c.Protocol && ports.Low <= c.VIP.Port() && c.VIP.Port() <= ports.High {
			key.Mark = ports.Mark
		}
	}
	return key
}

// leaves reports whether the connection ends with its real server. The port of
// a real server in a service by mark is 0, and that of the connection is the
// client's.
func (j *analyzer) leaves(c ipvs.Connection) bool {
	servers := j.leaving[j.key(c)]
	return servers[ipvs.Endpoint{Address: c.RealServer.Addr()}] ||
		servers[ipvs.Endpoint{Address: c.RealServer.Addr(), Port: c.RealServer.Port()}]
}

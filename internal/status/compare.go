package status

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// An Input is what a report is made of.
type Input struct {
	Spec        *config.Spec
	Ledger      nft.Ledger
	Services    []ipvs.CountedService // of the kernel; those that are neither in the spec nor in the ledger are ignored
	Changes     []ipvs.Change         // that make these services match the spec
	Differences Differences
	SyncFaults  []SyncFault
	Connections iter.Seq2[ipvs.Connection, error] // read if a cluster may have data connections
}

// Keys returns the services of the spec, sorted.
func Keys(spec *config.Spec) []ipvs.Key {
	var keys []ipvs.Key
	for _, family := range config.Families() {
		for _, b := range spec.Bindings(family) {
			keys = append(keys, ipvs.Key{Mark: b.Mark, Family: family})
		}
	}
	slices.SortFunc(keys, ipvs.Key.Compare)
	return slices.Compact(keys)
}

func keyOf(b config.Binding) ipvs.Key { return ipvs.Key{Mark: b.Mark, Family: b.Family} }

// New returns the report. Its error is that of reading the connections.
func New(in Input) (*Report, error) {
	r := &Report{InSync: !in.Differences.Any(), Differences: in.Differences, SyncFaults: append([]SyncFault{}, in.SyncFaults...)}
	c := newComparison(in)
	used, err := c.passiveUse()
	if err != nil {
		return nil, err
	}
	r.Clusters = make([]Cluster, 0, len(in.Spec.Clusters))
	bindings := c.bindings
	for i := range in.Spec.Clusters {
		cluster := &in.Spec.Clusters[i]
		entry := Cluster{Name: cluster.Name, Services: []Service{}}
		for len(bindings) > 0 && bindings[0].Cluster == cluster {
			entry.Services = append(entry.Services, c.service(bindings[0], used))
			bindings = bindings[1:]
		}
		r.Clusters = append(r.Clusters, entry.withState())
	}
	r.Clusters = append(r.Clusters, c.extra()...)
	return r, nil
}

// withState returns the cluster with the state of the first part that is not in sync.
func (c Cluster) withState() Cluster {
	c.State = InSync
	note := func(s State) {
		if c.State == InSync {
			c.State = s
		}
	}
	for _, s := range c.Services {
		note(s.State)
		for _, r := range s.RealServers {
			note(r.State)
		}
	}
	return c
}

// A comparison has the services by key, and the changes between the kernel and the spec.
type comparison struct {
	Input
	have    map[ipvs.Key]*ipvs.CountedService
	want    map[ipvs.Key]bool // keys of the spec
	changes map[ipvs.Key]serviceChanges

	bindings []config.Binding // of the spec, by cluster
}

// serviceChanges are the changes of one service.
type serviceChanges struct {
	service *ipvs.Change
	servers map[ipvs.Endpoint]ipvs.Change
}

func newComparison(in Input) *comparison {
	c := &comparison{
		Input: in,
		have:  make(map[ipvs.Key]*ipvs.CountedService, len(in.Services)), want: make(map[ipvs.Key]bool, len(in.Spec.Clusters)),
		changes: map[ipvs.Key]serviceChanges{},
	}
	for i, s := range in.Services {
		c.have[s.Key] = &in.Services[i]
	}
	for i := range in.Spec.Clusters {
		for _, family := range config.Families() {
			c.bindings = append(c.bindings, in.Spec.Clusters[i].Bindings(family)...)
		}
	}
	for _, b := range c.bindings {
		c.want[keyOf(b)] = true
	}
	for _, change := range in.Changes {
		c.add(change)
	}
	return c
}

func (c *comparison) add(change ipvs.Change) {
	of, found := c.changes[change.Service.Key]
	if !found {
		of.servers = map[ipvs.Endpoint]ipvs.Change{}
	}
	if change.OnService() {
		of.service = &change
	} else {
		of.servers[cmp.Or(change.Before.Endpoint(), change.After.Endpoint())] = change
	}
	c.changes[change.Service.Key] = of
}

// service returns the service of a binding, with the real servers of the spec and then the
// others.
func (c *comparison) service(b config.Binding, used passiveUse) Service {
	key := keyOf(b)
	s := c.found(key)
	var have []ipvs.CountedDestination
	if kernel := c.have[key]; kernel != nil {
		have = kernel.Destinations
	}
	ports, wanted := passivePorts(b), make([]bool, len(have))
	s.RealServers = make([]RealServer, 0, len(b.RealServers))
	for _, server := range b.RealServers {
		r, at := c.serverOf(key, ipvs.Endpoint{Address: server.Address, Port: server.Port}, have)
		if at >= 0 {
			wanted[at] = true
		}
		r.Name = server.Name
		if ports.count > 0 {
			r.Passive = &Passive{Ports: ports.count, Used: used[passiveServer{key, server.Address}]}
		}
		s.RealServers = append(s.RealServers, r)
	}
	for i := range have {
		if !wanted[i] {
			s.RealServers = append(s.RealServers, c.server(key, have[i].Endpoint(), &have[i]))
		}
	}
	return s
}

// serverOf returns the real server at an endpoint, and its place in the sorted destinations of
// the kernel, or -1.
func (c *comparison) serverOf(key ipvs.Key, e ipvs.Endpoint, have []ipvs.CountedDestination) (RealServer, int) {
	at, found := slices.BinarySearchFunc(have, e, func(d ipvs.CountedDestination, e ipvs.Endpoint) int { return d.Endpoint().Compare(e) })
	if !found {
		return c.server(key, e, nil), -1
	}
	return c.server(key, e, &have[at]), at
}

// found returns the service as far as the kernel has it, without its real servers.
func (c *comparison) found(key ipvs.Key) Service {
	s := Service{Mark: key.Mark, Family: key.Family.String(), State: InSync, RealServers: []RealServer{}}
	have := c.have[key]
	if have != nil {
		s.Totals, s.Rates = have.Statistics.Totals, have.Statistics.Rates
	}
	change := c.changes[key].service
	switch {
	case !c.Spec.Director.Bind && c.want[key]:
		s.State = Unbound
	case have == nil:
		s.State = Missing
	case change == nil:
	case change.Op == ipvs.DelService:
		s.State = Extra
	default:
		s.State, s.Detail = Drifted, change.BeforeText()+specHas+change.AfterText()
	}
	return s
}

// server returns the real server at an endpoint; d is nil if the kernel does not have it.
func (c *comparison) server(key ipvs.Key, e ipvs.Endpoint, d *ipvs.CountedDestination) RealServer {
	r := RealServer{Address: e.Address.String(), Port: e.Port, State: InSync}
	if d != nil {
		r.Weight = &d.Weight
		r.Active, r.Inactive, r.Persistent = d.Connections.Active, d.Connections.Inactive, d.Connections.Persistent
		r.Totals, r.Rates = d.Statistics.Totals, d.Statistics.Rates
	}
	change, differs := c.changes[key].servers[e]
	switch {
	case !c.Spec.Director.Bind && c.want[key]:
		r.State = Unbound
	case d == nil:
		r.State = Missing
	case !differs:
	case change.Op == ipvs.DelDestination:
		r.State = Extra
	default:
		r.State, r.Detail = c.drift(key, change)
	}
	return r
}

// drift returns the state of an edited real server, and what differs. A drained one differs
// in its weight only.
func (c *comparison) drift(key ipvs.Key, change ipvs.Change) (State, string) {
	detail := change.BeforeText() + specHas + change.AfterText()
	drained := change.After
	drained.Weight = 0
	if c.Ledger.IsDrained(nft.BoundMark{Family: key.Family, Mark: key.Mark}, change.Before.Address, change.Before.Port) && change.Before == drained {
		return Drained, detail
	}
	return Drifted, detail
}

// extra returns the clusters of the ledger's services that are not in the spec.
func (c *comparison) extra() []Cluster {
	services := map[string][]Service{}
	for _, key := range slices.SortedFunc(maps.Keys(c.have), ipvs.Key.Compare) {
		name, bound := c.Ledger.Bound[nft.BoundMark{Family: key.Family, Mark: key.Mark}]
		if c.want[key] || !bound {
			continue
		}
		s := c.found(key)
		for i, d := range c.have[key].Destinations {
			s.RealServers = append(s.RealServers, c.server(key, d.Endpoint(), &c.have[key].Destinations[i]))
		}
		cluster, _ := config.SplitBindingName(name)
		services[cluster] = append(services[cluster], s)
	}
	var clusters []Cluster
	for _, name := range slices.Sorted(maps.Keys(services)) {
		clusters = append(clusters, Cluster{Name: name, Services: services[name]}.withState())
	}
	return clusters
}

// Package drain plans the weight of one real server in all services of its cluster, and
// waits until it has no connections left. It makes no system call: the caller gives it the
// kernel and the clock.
package drain

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/lookup"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A Name names a real server of a cluster, by its name or address in the spec.
type Name struct{ Cluster, Server string }

// Servers are the real servers with a name, in each service. The address of one may be the
// name of another.
type Servers struct {
	byService map[ipvs.Key][]config.RealServer
	shards    map[ipvs.Key]bool
	cluster   *config.Cluster
}

// Find returns the real servers with the name.
func Find(spec *config.Spec, name Name) (servers Servers, err error) {
	i := slices.IndexFunc(spec.Clusters, func(c config.Cluster) bool { return c.Name == name.Cluster })
	switch {
	case i < 0:
		return servers, lookup.Unknown("the spec has no cluster", name.Cluster, lookup.Clusters(spec.Clusters))
	case !spec.Director.Bind:
		return servers, errors.New("another program manages IPVS (director.bind is false): set the weight there")
	}
	cluster := &spec.Clusters[i]
	servers = Servers{map[ipvs.Key][]config.RealServer{}, map[ipvs.Key]bool{}, cluster}
	for _, family := range config.Families() {
		for _, b := range cluster.Bindings(family) {
			key := ipvs.Key{Mark: b.Mark, Family: family}
			servers.shards[key] = b.IsShard
			for _, s := range b.RealServers {
				if s.Is(name.Server) {
					servers.byService[key] = append(servers.byService[key], s)
				}
			}
		}
	}
	if len(servers.byService) == 0 {
		return servers, lookup.Unknown("cluster "+name.Cluster+" has no real server", name.Server, lookup.Servers(spec.Clusters[i:i+1]))
	}
	return servers, nil
}

// Keys returns the services, sorted.
func (s Servers) Keys() []ipvs.Key {
	return slices.SortedFunc(maps.Keys(s.byService), ipvs.Key.Compare)
}

// Weights are the changes that give the real servers other weights.
type Weights struct {
	Have, Want []ipvs.VirtualService // the services, before and after
	Changes    []ipvs.Change
	Ledger     nft.Ledger // after the changes
}

// Drain returns the weights 0, recorded in the ledger unless the spec has weight 0 too.
func (s Servers) Drain(ledger nft.Ledger, services []ipvs.VirtualService) (Weights, error) {
	return s.plan(ledger, services, func(config.RealServer) int { return 0 })
}

// Restore returns the weights of the spec, without records in the ledger.
func (s Servers) Restore(ledger nft.Ledger, services []ipvs.VirtualService) (Weights, error) {
	return s.plan(ledger, services, func(r config.RealServer) int { return r.Weight })
}

func (s Servers) plan(ledger nft.Ledger, services []ipvs.VirtualService, weight func(config.RealServer) int) (Weights, error) {
	w := Weights{Ledger: ledger}
	w.Ledger.Drained = map[nft.DrainedServer]int{}
	maps.Copy(w.Ledger.Drained, ledger.Drained)
	for _, key := range s.Keys() {
		if s.shards[key] {
			continue
		}
		i := slices.IndexFunc(services, func(v ipvs.VirtualService) bool { return v.Key == key })
		mark := nft.BoundMark{Family: key.Family, Mark: key.Mark}
		switch _, bound := ledger.Bound[mark]; {
		case i < 0:
			return w, fmt.Errorf("service %s is not in the kernel: run `lvsmark apply` first", key)
		case !bound:
			return w, fmt.Errorf("lvsmark did not create service %s: `lvsmark apply --adopt` takes it over; ipvsadm can set its weights", key)
		}
		after := services[i]
		after.Destinations = slices.Clone(after.Destinations)
		for _, server := range s.byService[key] {
			if err := w.set(after, server, weight(server)); err != nil {
				return w, err
			}
		}
		w.Have, w.Want = append(w.Have, services[i]), append(w.Want, after)
	}
	return w, nil
}

// set sets the weight of a real server in the service, and records it.
func (w *Weights) set(service ipvs.VirtualService, server config.RealServer, weight int) error {
	i := slices.IndexFunc(service.Destinations, func(d ipvs.Destination) bool { return d.Endpoint() == endpoint(server) })
	if i < 0 {
		return fmt.Errorf("real server %s is not in service %s of the kernel: run `lvsmark apply` first", server.Address, service.Key)
	}
	before := service.Destinations[i]
	before.Connections = ipvs.Connections{}
	record := nft.DrainedServer{Service: nft.BoundMark{Family: service.Family, Mark: service.Mark}, Address: server.Address, Port: server.Port}
	if weight == server.Weight {
		delete(w.Ledger.Drained, record)
	} else if _, recorded := w.Ledger.Drained[record]; !recorded {
		w.Ledger.Drained[record] = cmp.Or(before.Weight, server.Weight)
	}
	service.Destinations[i].Weight = weight
	if before.Weight != weight {
		after := before
		after.Weight = weight
		w.Changes = append(w.Changes, ipvs.Change{Op: ipvs.EditDestination, Service: service.Service, Before: before, After: after})
	}
	return nil
}

func endpoint(s config.RealServer) ipvs.Endpoint {
	return ipvs.Endpoint{Address: s.Address, Port: s.Port}
}

// Remaining is what the real servers still have.
type Remaining struct {
	Connections ipvs.Connections // sums
	Weight      int              // the highest weight outside of shards: not 0 if another process has set it
}

// Remaining returns what the real servers still have. A real server that is not in the
// services has nothing.
func (s Servers) Remaining(services []ipvs.VirtualService) (r Remaining) {
	for _, v := range services {
		for _, server := range s.byService[v.Key] {
			for _, d := range v.Destinations {
				if d.Endpoint() != endpoint(server) {
					continue
				}
				if !s.shards[v.Key] {
					r.Weight = max(r.Weight, d.Weight)
				}
				r.Connections.Active += d.Connections.Active
				r.Connections.Inactive += d.Connections.Inactive
				r.Connections.Persistent += d.Connections.Persistent
			}
		}
	}
	return r
}

// Ended reports whether the real servers have no connections, and no client returns to
// them: templates of persistence have ended too, or the kernel ignores them.
func (r Remaining) Ended(ignoresTemplates bool) bool {
	c := r.Connections
	return c.Active+c.Inactive == 0 && (c.Persistent == 0 || ignoresTemplates)
}

// String returns, for example, "2 active connections, 1 inactive, 3 persistence templates".
func (r Remaining) String() string {
	return fmt.Sprintf("%s, %d inactive, %s", count(r.Connections.Active, "active connection"), r.Connections.Inactive, count(r.Connections.Persistent, "persistence template"))
}

func count(n uint32, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Notes tells what a weight of 0 does to clients, beyond the usual.
func (s Servers) Notes(services []ipvs.VirtualService, ignoresTemplates bool) []string {
	var notes []string
	for _, v := range services {
		if len(s.byService[v.Key]) == 0 || s.shards[v.Key] {
			continue
		}
		if v.SchedName == "dh" || v.SchedName == "sh" && v.Flags&ipvs.SHFallback == 0 {
			notes = append(notes, fmt.Sprintf("service %s: scheduler %s does not replace a real server with weight 0: new clients that it assigns to that one are refused%s",
				v.Key, v.SchedName, map[string]string{"sh": "; sh-fallback in scheduler-flags replaces it"}[v.SchedName]))
		}
		if data := s.data(v.Key); data != "" && v.Timeout == 0 && slices.Contains([]string{"sh", "mh", "dh"}, v.SchedName) {
			notes = append(notes, fmt.Sprintf("service %s: without persistence, scheduler %s assigns each connection anew: %s of running FTP sessions do not reach this real server", v.Key, v.SchedName, data))
		}
		if v.Timeout > 0 && ignoresTemplates {
			notes = append(notes, fmt.Sprintf("service %s: net.ipv4.vs.expire_quiescent_template is 1: the next connection of a client, such as FTP data, goes to another real server", v.Key))
		}
	}
	return notes
}

// data returns which data connections of FTP a service assigns; empty: none. With passive shards
// these are the answers to active data of real servers that the director does not translate.
func (s Servers) data(key ipvs.Key) string {
	direct := func(r config.RealServer) bool { return r.Forwarding != config.NAT }
	switch {
	case s.cluster.FTP == nil:
		return ""
	case !s.cluster.Sharded():
		return "data connections"
	case slices.ContainsFunc(s.byService[key], direct):
		return "active data connections"
	}
	return ""
}

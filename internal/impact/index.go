package impact

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// marks returns the marks of each VIP before the changes.
func (a *analyzer) marks() allMarks {
	if a.marked.plain == nil {
		a.marked = marksWith(a.Before.Ruleset, nil)
	}
	return a.marked
}

// connections returns the connections under way, by VIP.
func (a *analyzer) connections() map[netip.Addr][]ipvs.Connection {
	if a.underWay != nil {
		return a.underWay
	}
	a.underWay = map[netip.Addr][]ipvs.Connection{}
	for c, err := range a.Connections.UnderWay() {
		if err != nil {
			a.readError = err
			break
		}
		a.underWay[c.VIP.Addr()] = append(a.underWay[c.VIP.Addr()], c)
	}
	return a.underWay
}

// connectionsTo returns the connections to the addresses.
func (a *analyzer) connectionsTo(vips config.AddressRange) []ipvs.Connection {
	if vips.IsSingle() {
		return a.connections()[vips.First]
	}
	var list []ipvs.Connection
	for vip, connections := range a.connections() {
		if vips.Contains(vip) {
			list = append(list, connections...)
		}
	}
	return list
}

// flows returns the number of UDP connections, which IPVS counts as inactive, by service
// with UDP and real server.
func (a *analyzer) flows() map[ipvs.Key]map[netip.Addr]int {
	if a.udp != nil {
		return a.udp
	}
	a.udp = map[ipvs.Key]map[netip.Addr]int{}
	for family, ports := range a.marks().all {
		if ports.Protocol == config.UDP {
			a.udp[ipvs.Key{Mark: ports.Mark, Family: family}] = map[netip.Addr]int{}
		}
	}
	if len(a.udp) == 0 {
		return a.udp
	}
	for _, list := range a.connections() {
		for _, c := range list {
			if servers := a.udp[a.serviceOf(c)]; servers != nil && c.Protocol == config.UDP {
				servers[c.RealServer.Addr()]++
			}
		}
	}
	return a.udp
}

// countsOf returns the kernel's connection counts of a real server.
func (a *analyzer) countsOf(key ipvs.Key, endpoint ipvs.Endpoint) ipvs.Connections {
	counts := a.counts[key]
	if counts == nil {
		counts = make(map[ipvs.Endpoint]ipvs.Connections, len(a.servers[key]))
		for _, s := range a.servers[key] {
			counts[s.Endpoint()] = s.Connections
		}
		if a.counts == nil {
			a.counts = map[ipvs.Key]map[ipvs.Endpoint]ipvs.Connections{}
		}
		a.counts[key] = counts
	}
	return counts[endpoint]
}

// serversBeforeOrAfter returns the number of real servers that the service has before or
// after the changes.
func (a *analyzer) serversBeforeOrAfter(key ipvs.Key) int {
	if a.desired == nil {
		a.desired = make(map[ipvs.Key][]ipvs.Destination, len(a.After.Services))
		for _, s := range a.After.Services {
			a.desired[s.Key] = s.Destinations
		}
	}
	endpoints := map[ipvs.Endpoint]bool{}
	for _, servers := range [][]ipvs.Destination{a.servers[key], a.desired[key]} {
		for _, s := range servers {
			endpoints[s.Endpoint()] = true
		}
	}
	return len(endpoints)
}

// serverName returns the name of a real server in the spec, else its address. If the spec
// has several names for an address, it returns the first.
func (a *analyzer) serverName(address netip.Addr) string {
	if a.serverNames == nil {
		a.serverNames = map[netip.Addr]string{}
		if a.Spec != nil {
			for _, cluster := range a.Spec.Clusters {
				addServerNames(a.serverNames, cluster.RealServers)
			}
		}
	}
	if name, ok := a.serverNames[address]; ok {
		return name
	}
	return address.String()
}

func addServerNames(names map[netip.Addr]string, servers []config.RealServer) {
	for _, server := range servers {
		if _, ok := names[server.Address]; !ok && server.Name != "" {
			names[server.Address] = server.Name
		}
	}
}

// vipCluster returns the name of the VIP's cluster; empty if several clusters have the
// VIP.
func (a *analyzer) vipCluster(vip netip.Addr) string {
	name := ""
	for _, ports := range a.marks().of(vip) {
		next := a.clusterName(ipvs.Key{Mark: ports.Mark, Family: config.FamilyOf(vip)})
		if name != "" && next != name {
			return ""
		}
		name = next
	}
	return name
}

// serviceOf returns the key of the connection's service, found by VIP and port, and by real
// server if clusters share the port; Mark is 0 if they have no mark.
func (a *analyzer) serviceOf(c ipvs.Connection) ipvs.Key {
	key := ipvs.Key{Family: config.FamilyOf(c.VIP.Addr())}
	for _, ports := range a.marks().of(c.VIP.Addr()) {
		isOne := ports.Protocol == c.Protocol && ports.Low <= c.VIP.Port() && c.VIP.Port() <= ports.High
		if isOne && (key.Mark == 0 || !a.hasServer(key, c.RealServer.Addr())) {
			key.Mark = ports.Mark
		}
	}
	return key
}

func (a *analyzer) hasServer(key ipvs.Key, address netip.Addr) bool {
	return slices.ContainsFunc(a.servers[key], func(s ipvs.Destination) bool { return s.Address == address })
}

// endsWithServer reports whether the real server of the connection is removed. In a
// fwmark service, the port of a real server is 0, and the connection has the port
// that the client connected to.
func (a *analyzer) endsWithServer(c ipvs.Connection) bool {
	removed := a.removed[a.serviceOf(c)]
	return removed[ipvs.Endpoint{Address: c.RealServer.Addr()}] ||
		removed[ipvs.Endpoint{Address: c.RealServer.Addr(), Port: c.RealServer.Port()}]
}

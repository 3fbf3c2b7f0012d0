package lvsmark

import (
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// An index is what an analyzer looks up. Each part is worked out once, and only where
// it matters, for there may be much of it; nil: not yet.
type index struct {
	marks    nft.Marks                                       // see ports
	underWay map[netip.Addr][]ipvs.Connection                // see connections
	err      error                                           // why underWay could not be read
	udp      map[ipvs.Key]map[netip.Addr]int                 // see flows
	counted  map[ipvs.Key]map[ipvs.Endpoint]ipvs.Connections // see held
	wanted   map[ipvs.Key][]ipvs.Destination                 // see serversOf
	called   map[netip.Addr]string                           // see server
	on       *devices                                        // see devices
}

// ports are the marked ports of each VIP, as they are.
func (j *analyzer) ports() nft.Marks {
	if j.marks == nil {
		j.marks = j.plan.live.Marks()
	}
	return j.marks
}

// connections are those under way, by VIP.
func (j *analyzer) connections() map[netip.Addr][]ipvs.Connection {
	if j.underWay != nil {
		return j.underWay
	}
	j.underWay = map[netip.Addr][]ipvs.Connection{}
	for c, err := range ipvs.EachConnection() {
		if err != nil {
			j.err = err
			break
		}
		j.underWay[c.VIP.Addr()] = append(j.underWay[c.VIP.Addr()], c)
	}
	return j.underWay
}

// flows are the connections of UDP, which IPVS counts as inactive, by real server
// of each service that has UDP.
func (j *analyzer) flows() map[ipvs.Key]map[netip.Addr]int {
	if j.udp != nil {
		return j.udp
	}
	j.udp = map[ipvs.Key]map[netip.Addr]int{}
	for vip, list := range j.ports() {
		for _, ports := range list {
			if ports.Protocol == config.UDP {
				j.udp[ipvs.Key{Mark: ports.Mark, Family: config.FamilyOf(vip)}] = map[netip.Addr]int{}
			}
		}
	}
	if len(j.udp) == 0 {
		return j.udp
	}
	for _, list := range j.connections() {
		for _, c := range list {
			if servers := j.udp[j.key(c)]; servers != nil && c.Protocol == config.UDP {
				servers[c.RealServer.Addr()]++
			}
		}
	}
	return j.udp
}

// held are the connections of a real server.
func (j *analyzer) held(key ipvs.Key, endpoint ipvs.Endpoint) ipvs.Connections {
	servers := j.counted[key]
	if servers == nil {
		servers = make(map[ipvs.Endpoint]ipvs.Connections, len(j.served[key]))
		for _, s := range j.served[key] {
			servers[s.Endpoint()] = s.Connections
		}
		if j.counted == nil {
			j.counted = map[ipvs.Key]map[ipvs.Endpoint]ipvs.Connections{}
		}
		j.counted[key] = servers
	}
	return servers[endpoint]
}

// serversOf is how many there may be, before or after, for a client to reach.
func (j *analyzer) serversOf(key ipvs.Key) int {
	if j.wanted == nil {
		j.wanted = make(map[ipvs.Key][]ipvs.Destination, len(j.plan.want))
		for _, s := range j.plan.want {
			j.wanted[s.Key] = s.Destinations
		}
	}
	endpoints := map[ipvs.Endpoint]bool{}
	for _, servers := range [][]ipvs.Destination{j.served[key], j.wanted[key]} {
		for _, s := range servers {
			endpoints[s.Endpoint()] = true
		}
	}
	return len(endpoints)
}

// server is the name of a real server in the spec, or its address.
func (j *analyzer) server(address netip.Addr) string {
	if j.called == nil {
		j.called = serverNames(j.plan.spec)
	}
	if name, ok := j.called[address]; ok {
		return name
	}
	return address.String()
}

// serverNames are the names that the spec has for addresses. Of several the first
// counts.
func serverNames(spec *config.Spec) map[netip.Addr]string {
	names := map[netip.Addr]string{}
	if spec == nil {
		return names
	}
	for _, cluster := range spec.Clusters {
		for _, server := range cluster.RealServers {
			if _, ok := names[server.Address]; !ok && server.Name != "" {
				names[server.Address] = server.Name
			}
		}
	}
	return names
}

// devices are those that addresses are on; of several one counts.
type devices struct {
	staying map[netip.Addr]string // those that no change takes away
	going   map[netip.Addr]string
	coming  map[netip.Addr]string
}

func (j *analyzer) devices() *devices {
	if j.on != nil {
		return j.on
	}
	plan := j.plan.addresses
	j.on = &devices{staying: map[netip.Addr]string{}, going: byIP(plan.gone), coming: byIP(plan.come)}
	going := make(map[hostaddr.Address]bool, len(plan.gone))
	for _, a := range plan.gone {
		going[a] = true
	}
	for _, a := range plan.there {
		if _, known := j.on.staying[a.IP]; !known && !going[a] {
			j.on.staying[a.IP] = a.Device
		}
	}
	return j.on
}

func byIP(list []hostaddr.Address) map[netip.Addr]string {
	devices := make(map[netip.Addr]string, len(list))
	for _, a := range list {
		if _, known := devices[a.IP]; !known {
			devices[a.IP] = a.Device
		}
	}
	return devices
}

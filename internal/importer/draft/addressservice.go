package draft

import (
	"math"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A group identifies services without persistence that are one virtual server with several
// addresses: a group of keepalived has many. With persistence, each address is a service of
// its own: a client may have another real server at each.
type group struct {
	line     oldconfig.Line
	family   oldconfig.Family
	protocol config.Protocol
	port     uint16
}

func groupOf(s *oldconfig.Service) group {
	return group{s.Line, s.Family, s.Protocol, s.Address.Port()}
}

// portsOfService returns the ports of a service without a mark. IPVS sends packets to
// unprivileged ports, and to the port of active data, to a persistent service at port 21
// (ip_vs_service_find of net/netfilter/ipvs/ip_vs_ctl.c).
func portsOfService(s *oldconfig.Service) []config.PortRange {
	port := s.Address.Port()
	switch {
	case port == 0:
		return []config.PortRange{{Protocol: s.Protocol, Low: 1, High: math.MaxUint16}}
	case isControl(s):
		return []config.PortRange{{Protocol: config.TCP, Low: port, High: port}, {Protocol: config.TCP, Low: 1024, High: math.MaxUint16}}
	}
	return []config.PortRange{{Protocol: s.Protocol, Low: port, High: port}}
}

// isControl reports whether the service has the control port of FTP.
func isControl(s *oldconfig.Service) bool {
	return s.Protocol == config.TCP && s.Address.Port() == config.DefaultControlPort
}

// An addressKey identifies the services without a mark that a packet may have.
type addressKey struct {
	number   oldconfig.Number
	family   oldconfig.Family
	protocol config.Protocol
}

// ahead finds the services that IPVS looks for ahead of another one: those of marks, and of the
// same address those of the packet's own port, then that of FTP, and that at port 0 last.
type ahead struct {
	services map[addressKey][]*oldconfig.Service
	unserved map[addressKey][]config.PortRange // see free; those of an address may be many
	marked   map[vipKey][]*cluster             // by single VIPs
	networks []*cluster                        // with networks of VIPs
}

// A vipKey identifies an address.
type vipKey struct {
	number oldconfig.Number
	family oldconfig.Family
}

func servicesAhead(c *oldconfig.Config, clusters []*cluster) *ahead {
	a := &ahead{services: map[addressKey][]*oldconfig.Service{}, unserved: map[addressKey][]config.PortRange{}, marked: map[vipKey][]*cluster{}}
	for _, s := range c.Services {
		if s.Mark == 0 {
			a.services[keyOf(s)] = append(a.services[keyOf(s)], s)
		}
	}
	for _, cl := range clusters {
		if len(cl.services) == 0 || !cl.only.equal(only{}) { // else some packets have no mark
			continue
		}
		for _, v := range cl.vips {
			if v.addresses.Low != v.addresses.High {
				a.networks = append(a.networks, cl)
				continue
			}
			k := vipKey{v.addresses.Low, v.family}
			a.marked[k] = append(a.marked[k], cl)
		}
	}
	return a
}

func keyOf(s *oldconfig.Service) addressKey {
	return addressKey{oldconfig.AddressNumber(s.Address.Addr()), s.Family, s.Protocol}
}

// leave returns the ports of a service whose packets have no other service ahead of it; nil: none.
func (a *ahead) leave(s *oldconfig.Service, ports []config.PortRange) []config.PortRange {
	if s.Address.Port() == 0 || isControl(s) { // others have one port
		var taken []oldconfig.Range
		for _, other := range a.services[keyOf(s)] {
			taken = append(taken, takenAhead(s, other)...)
		}
		ports = exceptPorts(ports, s.Protocol, taken)
	}
	return a.notMarked(keyOf(s), ports)
}

// free returns the ports that the cluster of a service may have for data connections: with the
// control port 21 those that it has, else those that no other service gets.
func (a *ahead) free(s *oldconfig.Service, ports []config.PortRange) []config.PortRange {
	if isControl(s) || s.Protocol != config.TCP {
		return ports
	}
	k := keyOf(s)
	if free, known := a.unserved[k]; known && s.Address.Port() != 0 {
		return free
	}
	var taken []oldconfig.Range
	for _, other := range a.services[k] {
		if other.Address.Port() == 0 && other == s {
			continue
		}
		for _, p := range portsOfService(other) {
			taken = append(taken, portNumbers(p.Low, p.High))
		}
	}
	free := a.notMarked(k, exceptPorts([]config.PortRange{{Protocol: config.TCP, Low: 1024, High: math.MaxUint16}}, config.TCP, taken))
	if s.Address.Port() != 0 {
		a.unserved[k] = free
	}
	return free
}

// notMarked returns the ports of packets that have no mark.
func (a *ahead) notMarked(k addressKey, ports []config.PortRange) []config.PortRange {
	for _, cl := range slices.Concat(a.marked[vipKey{k.number, k.family}], a.networks) {
		if !cl.contains(k) {
			continue
		}
		if cl.everyPort {
			return nil
		}
		var taken []oldconfig.Range
		for _, p := range cl.ports {
			if p.Protocol == k.protocol {
				taken = append(taken, portNumbers(p.Low, p.High))
			}
		}
		ports = exceptPorts(ports, k.protocol, taken)
	}
	return ports
}

// takenAhead returns the ports that another service of the same address takes from a service.
func takenAhead(s, other *oldconfig.Service) []oldconfig.Range {
	port := other.Address.Port()
	switch {
	case port == 0 || port == s.Address.Port():
		return nil
	case s.Address.Port() == 0 && isControl(other):
		return []oldconfig.Range{portNumbers(port, port), portNumbers(dataPort, dataPort), portNumbers(1024, math.MaxUint16)}
	}
	return []oldconfig.Range{portNumbers(port, port)}
}

func (c *cluster) contains(k addressKey) bool {
	return slices.ContainsFunc(c.vips, func(v vip) bool {
		return v.family == k.family && v.addresses.Contains(oldconfig.Range{Low: k.number, High: k.number})
	})
}

package status

import (
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A passiveServer is a real server of a service.
type passiveServer struct {
	service ipvs.Key
	address netip.Addr
}

// passiveUse is the number of passive ports with an established connection, by real server.
type passiveUse map[passiveServer]int

// ports are ranges of TCP ports that do not overlap.
type ports struct {
	ranges []config.PortRange
	count  int
}

// passivePorts returns the passive ports that a binding marks and FTP servers use: those of its
// cluster, or a slice of them.
func passivePorts(b config.Binding) (p ports) {
	if b.Cluster.FTP == nil {
		return p
	}
	for _, marked := range b.Ports {
		if marked.Protocol != config.TCP {
			continue
		}
		for _, passive := range b.Cluster.FTP.PassivePorts {
			low, high := max(marked.Low, passive.Low, config.MinPassivePort), min(marked.High, passive.High)
			if low <= high {
				p.ranges = append(p.ranges, config.PortRange{Protocol: config.TCP, Low: low, High: high})
				p.count += int(high) - int(low) + 1
			}
		}
	}
	return p
}

func (p ports) contain(port uint16) bool {
	for _, r := range p.ranges {
		if r.Low <= port && port <= r.High {
			return true
		}
	}
	return false
}

// A passiveBinding is a binding with passive ports.
type passiveBinding struct {
	key   ipvs.Key
	ports ports
	vips  []config.AddressRange
}

// passiveUse counts the passive ports in use. It reads the connections only if a real
// server with passive ports has one.
func (c *comparison) passiveUse() (passiveUse, error) {
	byServer := c.passiveServers()
	used := passiveUse{}
	if len(byServer) == 0 || c.Connections == nil {
		return used, nil
	}
	type portOf struct {
		server passiveServer
		port   uint16
	}
	seen := map[portOf]bool{}
	for connection, err := range c.Connections {
		if err != nil {
			return nil, err
		}
		if connection.Protocol != config.TCP {
			continue
		}
		for _, b := range byServer[connection.RealServer.Addr()] {
			p := portOf{passiveServer{b.key, connection.RealServer.Addr()}, connection.VIP.Port()}
			if b.ports.contain(p.port) && contains(b.vips, connection.VIP.Addr()) && !seen[p] {
				seen[p] = true
				used[p.server]++
			}
		}
	}
	return used, nil
}

// passiveServers returns the bindings with passive ports of each real server that has
// connections.
func (c *comparison) passiveServers() map[netip.Addr][]passiveBinding {
	servers := map[netip.Addr][]passiveBinding{}
	for _, b := range c.bindings {
		have := c.have[keyOf(b)]
		if have == nil {
			continue
		}
		p := passivePorts(b)
		for _, d := range have.Destinations {
			if d.Connections.Active > 0 && p.count > 0 {
				servers[d.Address] = append(servers[d.Address], passiveBinding{keyOf(b), p, b.VIPs})
			}
		}
	}
	return servers
}

func contains(vips []config.AddressRange, a netip.Addr) bool {
	for _, v := range vips {
		if v.Contains(a) {
			return true
		}
	}
	return false
}

package specgen

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// setServerKeys sets the keys of a real server that most servers do not have.
func (d *draft) setServerKeys(s *config.RealServer) {
	if d.oneIn(8) {
		s.Forwarding = config.Forwarding(d.IntN(3))
	}
	if s.Forwarding == config.Tunnel && d.oneIn(2) {
		s.Encapsulation = []config.Encapsulation{
			{Type: config.GUE, Port: d.port(), Checksum: config.TunnelChecksum(d.IntN(3))},
			{Type: config.GRE, Checksum: config.TunnelChecksum(d.IntN(2))},
		}[d.IntN(2)]
	}
	if d.oneIn(6) {
		s.UpperThreshold = 1 + d.Uint32N(1000)
		s.LowerThreshold = d.Uint32N(s.UpperThreshold + 1)
	}
}

// setServiceKeys sets the keys of an IPVS service that depend on the ports and on the
// persistence.
func (d *draft) setServiceKeys(c *config.Cluster) {
	if d.oneIn(4) {
		c.Scheduler = []string{"sh", "mh"}[d.IntN(2)]
		c.Hash = config.HashFlags{Port: d.oneIn(2), Fallback: d.oneIn(2)}
	}
	isUDP := func(r config.PortRange) bool { return r.Protocol == config.UDP }
	c.OnePacket = c.FTP == nil && slices.IndexFunc(c.Ports, func(r config.PortRange) bool { return !isUDP(r) }) < 0 && d.oneIn(2)
	if c.FTP != nil || len(c.Ports) > 1 || c.Ports[0].Width() > 1 || c.Persistence > 0 {
		return
	}
	for i := range c.RealServers {
		if c.RealServers[i].Forwarding == config.NAT && d.oneIn(2) {
			c.RealServers[i].Port = d.port()
		}
	}
}

package specgen

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// A service is a set of ports that several clusters may have.
type service struct {
	ftp     bool
	control []uint16
	passive []config.PortRange
	ports   []config.PortRange
}

func (s service) give(c *config.Cluster) {
	if s.ftp {
		c.FTP = &config.FTP{ControlPorts: slices.Clone(s.control), PassivePorts: slices.Clone(s.passive)}
	} else {
		c.Ports = slices.Clone(s.ports)
	}
}

func (d *draft) service() service {
	if d.oneIn(2) {
		s := service{ports: d.ports()}
		if d.oneIn(12) {
			s.ports = []config.PortRange{config.AllPorts()}
		}
		return s
	}
	s := service{ftp: true, control: []uint16{21}}
	switch d.IntN(4) {
	case 0:
		s.control = []uint16{21, 990}
	case 1:
		s.control = []uint16{d.port(), 2121}
		if s.control[0] == s.control[1] {
			s.control = s.control[:1]
		}
	}
	switch d.IntN(4) {
	case 0:
		s.passive = []config.PortRange{{Protocol: config.TCP, Low: config.DefaultPassiveLow, High: config.DefaultPassiveHigh}}
	case 1:
		s.passive = []config.PortRange{{Protocol: config.TCP, Low: 1024, High: 65535}}
	default:
		s.passive = d.passive()
	}
	return s
}

// passive returns a random range, or several that do not overlap.
func (d *draft) passive() []config.PortRange {
	ranges := []config.PortRange{d.portRange(config.TCP)}
	for range 2 {
		if r := d.portRange(config.TCP); d.oneIn(3) && !slices.ContainsFunc(ranges, r.Overlaps) {
			ranges = append(ranges, r)
		}
	}
	return ranges
}

// ports returns one to six random ranges that do not overlap; some are adjacent.
func (d *draft) ports() []config.PortRange {
	var ports []config.PortRange
	for range 1 + d.IntN(6) {
		protocol := []config.Protocol{config.TCP, config.TCP, config.TCP, config.UDP, config.UDP, config.SCTP}[d.IntN(6)]
		r := config.PortRange{Protocol: protocol}
		switch n := len(ports); {
		case n > 0 && ports[n-1].High < 65535 && d.oneIn(4):
			r.Protocol = ports[n-1].Protocol
			r.Low = ports[n-1].High + 1
			r.High = r.Low
		case d.oneIn(3):
			r = d.portRange(protocol)
		default:
			r.Low = d.port()
			r.High = r.Low
		}
		if !slices.ContainsFunc(ports, r.Overlaps) {
			ports = append(ports, r)
		}
	}
	return ports
}

func (d *draft) portRange(protocol config.Protocol) config.PortRange {
	a, b := d.port(), d.port()
	if d.oneIn(2) {
		b = uint16(min(65535, int(a)+1+d.IntN(500)))
	}
	return config.PortRange{Protocol: protocol, Low: min(a, b), High: max(a, b)}
}

// port returns a random port; ports at the ends of common ranges are more likely.
func (d *draft) port() uint16 {
	usual := []uint16{1, 20, 21, 80, 443, 990, 1023, 1024, 9999, 10000, 20000, 20001, 32768, 65534, 65535}
	if d.oneIn(3) {
		return usual[d.IntN(len(usual))]
	}
	return cmp.Or(uint16(d.Uint32()), 1)
}

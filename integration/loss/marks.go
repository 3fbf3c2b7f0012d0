package main

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// marks are the valid marks of each packet.
type marks map[equivalence.Packet][]uint32

// marksOf returns the marks of packets to the first, the middle and the last port of
// each range, for each VIP of a spec.
func marksOf(spec *config.Spec) marks {
	m := marks{}
	for _, b := range bindings(spec) {
		for _, vip := range b.VIPs {
			for _, ports := range b.Ports {
				for _, port := range []uint16{ports.Low, ports.Low + (ports.High-ports.Low)/2, ports.High} {
					m[equivalence.Packet{To: vip, Protocol: uint8(ports.Protocol), Port: port}] = []uint32{b.Mark}
				}
			}
		}
	}
	return m
}

// markOf returns the mark of a packet in the spec, or false if it has none.
func markOf(spec *config.Spec, to netip.Addr, protocol config.Protocol, port uint16) (uint32, bool) {
	for _, b := range bindings(spec) {
		if !slices.Contains(b.VIPs, to) {
			continue
		}
		for _, ports := range b.Ports {
			if ports.Protocol == protocol && ports.Low <= port && port <= ports.High {
				return b.Mark, true
			}
		}
	}
	return 0, false
}

// bindings returns the bindings of both families.
func bindings(spec *config.Spec) []config.Binding {
	return slices.Concat(config.WithProtocols(spec.Bindings(config.IPv4)), config.WithProtocols(spec.Bindings(config.IPv6)))
}

// marksOfAll returns the marks of packets that all specs mark. While one spec replaces
// another, both marks are correct.
func marksOfAll(specs []document) marks {
	all := marksOf(specs[0].spec)
	for _, d := range specs[1:] {
		for p, values := range all {
			mark, ok := markOf(d.spec, p.To, config.Protocol(p.Protocol), p.Port)
			switch {
			case !ok:
				delete(all, p)
			case !slices.Contains(values, mark):
				all[p] = append(values, mark)
			}
		}
	}
	return all
}

// packets returns the packets, in no order.
func (m marks) packets() []equivalence.Packet {
	var list []equivalence.Packet
	for p := range m {
		list = append(list, p)
	}
	return list
}

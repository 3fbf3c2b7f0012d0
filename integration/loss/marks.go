package main

import (
	"math"
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
		for _, vip := range addressesOf(b) {
			for _, ports := range b.Ports {
				for _, port := range []uint16{ports.Low, ports.Low + (ports.High-ports.Low)/2, ports.High} {
					mark, _ := markOf(spec, vip, ports.Protocol, port)
					m[equivalence.Packet{To: vip, Protocol: uint8(ports.Protocol), Port: port}] = []uint32{mark}
				}
			}
		}
	}
	return m
}

// addressesOf returns the VIPs of a binding: of a network, the first two and the last.
func addressesOf(b config.Binding) []netip.Addr {
	var list []netip.Addr
	for _, vips := range b.VIPs {
		list = append(list, vips.First)
		if !vips.IsSingle() {
			list = append(list, vips.First.Next(), vips.Last)
		}
	}
	return list
}

// markOf returns the mark of a packet in the spec, or false if it has none. Of VIPs within
// others, it is that of the smallest.
func markOf(spec *config.Spec, to netip.Addr, protocol config.Protocol, port uint16) (mark uint32, found bool) {
	smallest := uint64(math.MaxUint64)
	for _, b := range bindings(spec) {
		if !slices.ContainsFunc(b.Ports, func(r config.PortRange) bool {
			return r.Protocol == protocol && r.Low <= port && port <= r.High
		}) {
			continue
		}
		for _, vips := range b.VIPs {
			if vips.Contains(to) && (!found || vips.Count() < smallest) {
				mark, found, smallest = b.Mark, true, vips.Count()
			}
		}
	}
	return mark, found
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

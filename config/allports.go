package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// WithProtocols returns the bindings of one family with ports of protocols in place of
// AllPorts: the ports that no other binding has on the VIP. IPVS schedules no packets
// without ports, so they are left out.
func WithProtocols(bindings []Binding) []Binding {
	isAll := func(b Binding) bool { return len(b.Ports) > 0 && b.Ports[0].IsAll() }
	if !slices.ContainsFunc(bindings, isAll) {
		return bindings
	}
	taken := map[netip.Addr][]PortRange{}
	for _, b := range bindings {
		for _, vip := range b.VIPs {
			if !isAll(b) {
				taken[vip] = append(taken[vip], b.Ports...)
			}
		}
	}
	var list []Binding
	for _, b := range bindings {
		if isAll(b) {
			list = append(list, splitAll(b, taken)...)
		} else {
			list = append(list, b)
		}
	}
	return list
}

// splitAll returns one binding for each set of ports that is left on some VIPs.
func splitAll(b Binding, taken map[netip.Addr][]PortRange) []Binding {
	var list []Binding
	index := map[string]int{}
	for _, vip := range b.VIPs {
		ports := remainingPorts(taken[vip])
		key := fmt.Sprint(ports)
		i, known := index[key]
		if !known {
			i = len(list)
			index[key] = i
			part := b
			part.VIPs, part.Ports = nil, ports
			list = append(list, part)
		}
		list[i].VIPs = append(list[i].VIPs, vip)
	}
	return list
}

// remainingPorts returns the ports that are not taken.
func remainingPorts(taken []PortRange) []PortRange {
	sorted := slices.SortedFunc(slices.Values(taken), func(a, b PortRange) int { return cmp.Compare(a.Low, b.Low) })
	var left []PortRange
	for _, p := range PortProtocols() {
		next := 0
		for _, r := range sorted {
			if r.Protocol != p {
				continue
			}
			if next < int(r.Low) {
				left = append(left, PortRange{Protocol: p, Low: uint16(next), High: r.Low - 1})
			}
			next = max(next, int(r.High)+1)
		}
		if next <= 65535 {
			left = append(left, PortRange{Protocol: p, Low: uint16(next), High: 65535})
		}
	}
	return left
}

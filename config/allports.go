package config

import (
	"cmp"
	"encoding/binary"
	"iter"
	"net/netip"
	"slices"
)

// WithProtocols returns the bindings of one family with ports of protocols in place of
// AllPorts: the ports that no other binding has on the VIP. IPVS schedules no packets
// without ports, so they are left out. VIPs with AllPorts are disjoint in the result, except
// those of clusters with Only: other clusters get the packets that do not meet it.
func WithProtocols(bindings []Binding) []Binding {
	if !slices.ContainsFunc(bindings, hasAllPorts) {
		return bindings
	}
	var all, restricted []allPortsVIPs
	parts := make([][]Binding, len(bindings)) // of each binding
	for i, b := range bindings {
		switch {
		case !hasAllPorts(b):
			parts[i] = []Binding{b}
		case b.Cluster.Only != nil:
			restricted = appendVIPs(restricted, i, b)
		default:
			all = appendVIPs(all, i, b)
		}
	}
	all = Disjoint(all, func(v *allPortsVIPs) *AddressRange { return &v.AddressRange })
	splitAll(parts, bindings, append(all, restricted...))
	return slices.Concat(parts...)
}

func hasAllPorts(b Binding) bool { return len(b.Ports) > 0 && b.Ports[0].IsAll() }

// allPortsVIPs are VIPs of which a binding, given by its index, has all ports.
type allPortsVIPs struct {
	AddressRange
	of int
}

func appendVIPs(list []allPortsVIPs, of int, b Binding) []allPortsVIPs {
	for _, vips := range b.VIPs {
		list = append(list, allPortsVIPs{vips, of})
	}
	return list
}

// splitAll adds to the parts of each binding one for each set of ports that is left on some
// of its VIPs.
func splitAll(parts [][]Binding, bindings []Binding, all []allPortsVIPs) {
	type key struct {
		of    int
		taken string
	}
	taken, index := takenPorts(bindings), map[key]int{}
	for _, v := range all {
		for vips, by := range takenWithin(taken, v.AddressRange) {
			i, known := index[key{v.of, by.key}]
			if !known {
				i = len(parts[v.of])
				index[key{v.of, by.key}] = i
				part := bindings[v.of]
				part.VIPs, part.Ports = nil, remainingPorts(by.ports)
				parts[v.of] = append(parts[v.of], part)
			}
			parts[v.of][i].VIPs = append(parts[v.of][i].VIPs, vips)
		}
	}
}

// takenWithin divides a range at the ends of taken parts. It yields each piece with the
// ports that are taken there.
func takenWithin(taken []takenPart, r AddressRange) iter.Seq2[AddressRange, takenPart] {
	return func(yield func(AddressRange, takenPart) bool) {
		i, _ := slices.BinarySearchFunc(taken, r.First, func(t takenPart, first netip.Addr) int { return t.Last.Compare(first) })
		for next := r.First; next.IsValid() && next.Compare(r.Last) <= 0; {
			piece, by := AddressRange{next, r.Last}, takenPart{}
			if i < len(taken) && taken[i].First.Compare(r.Last) <= 0 {
				if piece.Last = taken[i].First.Prev(); taken[i].First.Compare(next) <= 0 {
					by, piece.Last = taken[i], taken[i].Last
					i++
				}
			}
			if r.Last.Less(piece.Last) {
				piece.Last = r.Last
			}
			if !yield(piece, by) {
				return
			}
			next = piece.Last.Next()
		}
	}
}

// A takenPart is addresses with the ports that bindings without AllPorts have there.
type takenPart struct {
	AddressRange
	ports []PortRange
	key   string // the same for parts with the same ports
}

// takenPorts returns the parts of all VIPs, sorted. Clusters with Only leave their ports to
// others.
func takenPorts(bindings []Binding) []takenPart {
	var vips []allPortsVIPs
	for i, b := range bindings {
		if !hasAllPorts(b) && b.Cluster.Only == nil {
			vips = appendVIPs(vips, i, b)
		}
	}
	slices.SortFunc(vips, func(a, b allPortsVIPs) int { return a.Compare(b.AddressRange) })
	return takenParts(bindings, vips)
}

// takenParts divides sorted VIPs where others begin and end.
func takenParts(bindings []Binding, vips []allPortsVIPs) []takenPart {
	var parts []takenPart
	var open []allPortsVIPs
	starts := startsOf(vips)
	for i, first := range starts {
		open = slices.DeleteFunc(open, func(v allPortsVIPs) bool { return v.Last.Less(first) })
		for len(vips) > 0 && vips[0].First == first {
			open, vips = append(open, vips[0]), vips[1:]
		}
		if len(open) == 0 {
			continue
		}
		part := takenPart{AddressRange: AddressRange{first, open[0].Last}}
		if i+1 < len(starts) {
			part.Last = starts[i+1].Prev()
		}
		for _, v := range open {
			part.ports = append(part.ports, bindings[v.of].Ports...)
			part.key = string(binary.AppendUvarint([]byte(part.key), uint64(v.of)))
		}
		parts = append(parts, part)
	}
	return parts
}

// startsOf returns the addresses where ranges begin, and those after their ends, sorted.
func startsOf(ranges []allPortsVIPs) []netip.Addr {
	var starts []netip.Addr
	for _, r := range ranges {
		starts = append(starts, r.First)
		if next := r.Last.Next(); next.IsValid() {
			starts = append(starts, next)
		}
	}
	slices.SortFunc(starts, netip.Addr.Compare)
	return slices.Compact(starts)
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

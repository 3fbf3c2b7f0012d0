package config

import (
	"cmp"
	"fmt"
	"slices"
)

// A Protocol is the IP protocol number (RFC 5237) of a protocol with ports.
type Protocol uint8

// The protocols of a cluster's ports.
const (
	TCP Protocol = 6
	UDP Protocol = 17
)

// String returns "tcp" or "udp".
func (p Protocol) String() string {
	if p == TCP {
		return "tcp"
	}
	return "udp"
}

// A PortRange is the ports Low … High of a protocol, both included; 1 ≤ Low ≤ High.
type PortRange struct {
	Protocol  Protocol
	Low, High uint16
}

// Width returns the number of ports in the range.
func (r PortRange) Width() int { return int(r.High) - int(r.Low) + 1 }

// Overlaps reports whether the ranges have a port of the same protocol in common.
func (r PortRange) Overlaps(other PortRange) bool {
	return r.Protocol == other.Protocol && r.Low <= other.High && other.Low <= r.High
}

// String returns the range as in the spec: "21", "10000-20000", "udp/443".
func (r PortRange) String() string {
	s := r.Ports()
	if r.Protocol == UDP {
		return "udp/" + s
	}
	return s
}

// Ports returns the range without the protocol, as nft writes it: "21" or
// "10000-20000".
func (r PortRange) Ports() string {
	if r.Low == r.High {
		return fmt.Sprint(r.Low)
	}
	return fmt.Sprintf("%d-%d", r.Low, r.High)
}

// mergePorts returns the canonical form that MarkedPorts documents.
func mergePorts(ports []PortRange) []PortRange {
	sorted := slices.SortedFunc(slices.Values(ports), func(a, b PortRange) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low))
	})
	var merged []PortRange
	for _, r := range sorted {
		if n := len(merged); n > 0 && merged[n-1].Protocol == r.Protocol && int(r.Low) <= int(merged[n-1].High)+1 {
			merged[n-1].High = max(merged[n-1].High, r.High)
			continue
		}
		merged = append(merged, r)
	}
	slices.SortStableFunc(merged, func(a, b PortRange) int { return cmp.Compare(b.Width(), a.Width()) })
	return merged
}

package config

import (
	"cmp"
	"fmt"
	"slices"
)

// A Protocol is an IP protocol number (RFC 5237) of those that have ports.
type Protocol uint8

// The protocols that a cluster may name.
const (
	TCP Protocol = 6
	UDP Protocol = 17
)

// String is "tcp" or "udp".
func (p Protocol) String() string {
	if p == TCP {
		return "tcp"
	}
	return "udp"
}

// A PortRange is the ports Low … High, both included, of a protocol; one port
// when they are equal. 1 ≤ Low ≤ High.
type PortRange struct {
	Protocol  Protocol
	Low, High uint16
}

// Width is the number of ports in the range.
func (r PortRange) Width() int { return int(r.High) - int(r.Low) + 1 }

// Overlaps reports whether both ranges hold a port of the same protocol.
func (r PortRange) Overlaps(other PortRange) bool {
	return r.Protocol == other.Protocol && r.Low <= other.High && other.Low <= r.High
}

// String is as in the spec: "21", "10000-20000", "udp/443".
func (r PortRange) String() string {
	s := r.Ports()
	if r.Protocol == UDP {
		return "udp/" + s
	}
	return s
}

// Ports is the range without the protocol: "21" or "10000-20000", as nft writes
// it.
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

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
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132

	AnyProtocol Protocol = 0 // of AllPorts
)

// PortProtocols returns the protocols that IPVS schedules: TCP, UDP and SCTP.
func PortProtocols() []Protocol { return []Protocol{TCP, UDP, SCTP} }

// String returns "tcp", "udp", "sctp", or "all" for AnyProtocol.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case SCTP:
		return "sctp"
	}
	return "all"
}

// A PortRange is the ports Low … High of a protocol, both included; 1 ≤ Low ≤ High, except
// in AllPorts.
type PortRange struct {
	Protocol  Protocol
	Low, High uint16
}

// Width returns the number of ports in the range.
func (r PortRange) Width() int { return int(r.High) - int(r.Low) + 1 }

// AllPorts is every packet to a VIP: every port of every protocol, fragments and protocols
// without ports included. Of clusters that share a VIP, one with ports has precedence.
func AllPorts() PortRange { return PortRange{Protocol: AnyProtocol, High: 65535} }

// IsAll reports whether the range is AllPorts.
func (r PortRange) IsAll() bool { return r.Protocol == AnyProtocol }

// Meets is Overlaps, with AllPorts as a range that overlaps each other one.
func (r PortRange) Meets(other PortRange) bool {
	return r.IsAll() || other.IsAll() || r.Overlaps(other)
}

// Overlaps reports whether the ranges have a port of the same protocol in common.
// AllPorts overlaps only itself.
func (r PortRange) Overlaps(other PortRange) bool {
	return r.Protocol == other.Protocol && r.Low <= other.High && other.Low <= r.High
}

// String returns the range as in the spec: "21", "10000-20000", "udp/443", "all".
func (r PortRange) String() string {
	switch r.Protocol {
	case AnyProtocol:
		return r.Protocol.String()
	case TCP:
		return r.Ports()
	}
	return r.Protocol.String() + "/" + r.Ports()
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

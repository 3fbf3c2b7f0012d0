// Package ipvs is the IPVS of the kernel: services keyed by fwmark, their destinations,
// the table of connections and the timeouts. It compiles a spec to services, reads those
// of the kernel, and changes them in place. Types have the names of moby/ipvs and
// linux/ip_vs.h: what the operator calls a real server is a Destination.
//
// Everything works in the network namespace of the calling thread, so a caller that has
// entered a namespace must have locked its OS thread.
package ipvs

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// A Key identifies a fwmark service to the kernel.
type Key struct {
	Mark   uint32 // not 0; host byte order
	Family config.Family
}

// String is as in "fwmark 21 IPv4".
func (k Key) String() string { return fmt.Sprintf("fwmark %d %s", k.Mark, k.Family) }

// Compare orders IPv4 before IPv6, and then by mark.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Family, other.Family), cmp.Compare(k.Mark, other.Mark))
}

// A Service is an IPVS service that is keyed by a fwmark, without its destinations: what
// one kernel call sets.
type Service struct {
	Key
	SchedName string // "none": the service has none

	// Timeout is that of persistence: how long a client stays with its real server, in
	// whole seconds; 0: the service is not persistent.
	Timeout time.Duration

	// Netmask is the prefix length by which clients are grouped: 0 … 32, or
	// 1 … 128 in IPv6; the full width when they are not grouped. It is 0 when
	// RawNetmask holds the mask.
	Netmask int

	// Fields that no spec sets, but a service made by hand may have:

	RawNetmask uint32 // an IPv4 netmask with holes, host byte order; else 0
	Flags      uint32 // OnePacket, SHFallback, SHPort and flags without a name here
	PEName     string // persistence engine: "sip", say
}

// A VirtualService is a Service with its destinations.
type VirtualService struct {
	Service
	Destinations []Destination // their order has no meaning to Diff
}

// A Destination is a real server of a service. (Address, Port) is unique within a
// service; an IPv4-mapped IPv6 address is not the IPv4 address.
type Destination struct {
	Address    netip.Addr // of another family than the service only in a tunnel
	Port       uint16     // 0 in a spec: the port that the client asked for
	Weight     int        // 0: no new connections
	Forwarding config.Forwarding

	// Fields that no spec sets, but a destination made by hand may have:

	RawForwarding  uint8 // a method that config.Forwarding does not name (local node, bypass); else 0
	UpperThreshold uint32
	LowerThreshold uint32
	Tunnel         Tunnel

	// Connections is set by Conn.Services, and is no part of a comparison.
	Connections Connections
}

// An Tunnel says how Tunnel wraps packets. The zero value is IP in IP.
type Tunnel struct {
	Type  uint8  // 0 ipip, 1 gue, 2 gre
	Port  uint16 // UDP port of gue
	Flags uint16 // 1 checksum, 2 remote checksum
}

// Connections counts the connections of a destination, as the kernel does.
type Connections struct {
	Active, Inactive, Persistent uint32
}

// An Endpoint identifies a destination of a service to the kernel.
type Endpoint struct {
	Address netip.Addr
	Port    uint16
}

// Endpoint returns the address and port.
func (d Destination) Endpoint() Endpoint { return Endpoint{d.Address, d.Port} }

// configured is the destination without its counters.
func (d Destination) configured() Destination {
	d.Connections = Connections{}
	return d
}

// sortServices sorts services by Key, and their destinations by address and port. The
// kernel lists the newest destination first.
func sortServices(services []VirtualService) {
	for _, service := range services {
		slices.Reverse(service.Destinations)
		slices.SortFunc(service.Destinations, func(a, b Destination) int {
			return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Port, b.Port))
		})
	}
	slices.SortFunc(services, func(a, b VirtualService) int { return a.Key.Compare(b.Key) })
}

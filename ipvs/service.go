// Package ipvs reads and changes IPVS in the kernel: services keyed by fwmark, their
// destinations, the connection table and the timeouts. It compiles a spec to services,
// reads the services of the kernel, and edits them in place. Types are named as in
// moby/ipvs and linux/ip_vs.h: a real server of the spec is a Destination.
//
// All functions use the network namespace of the calling thread. A caller that has entered
// a namespace must have locked its OS thread.
package ipvs

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// A Key identifies a fwmark service in the kernel.
type Key struct {
	Mark   uint32 // not 0; host byte order
	Family config.Family
}

// String returns, for example, "fwmark 21 IPv4".
func (k Key) String() string { return fmt.Sprintf("fwmark %d %s", k.Mark, k.Family) }

// Compare orders keys by family, IPv4 first, then by mark.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Family, other.Family), cmp.Compare(k.Mark, other.Mark))
}

// A Service is an IPVS service keyed by a fwmark, without its destinations: the argument of
// one kernel call.
type Service struct {
	Key
	SchedName string // "none": no scheduler

	// Timeout is the persistence timeout: how long a client keeps its real server, in whole
	// seconds; 0: not persistent.
	Timeout time.Duration

	// Netmask is the prefix length that groups clients: 0 … 32 for IPv4, 1 … 128 for IPv6;
	// the full length if clients are not grouped. It is 0 if RawNetmask has the mask.
	Netmask int

	Flags uint32 // OnePacket, SHFallback, SHPort and flags unknown to this package

	// Fields that Compile does not set, but that a service made by hand may have:

	RawNetmask uint32 // non-contiguous IPv4 netmask, host byte order; else 0
	PEName     string // persistence engine, for example "sip"
}

// A VirtualService is a Service with its destinations.
type VirtualService struct {
	Service
	Destinations []Destination // Diff ignores their order
}

// A Destination is a real server of a service. (Address, Port) is unique within a service.
// An IPv4-mapped IPv6 address is not equal to the IPv4 address.
type Destination struct {
	Address    netip.Addr // the service's family; any family with a tunnel
	Port       uint16     // 0: the client's destination port
	Weight     int        // 0: no new connections
	Forwarding config.Forwarding

	UpperThreshold uint32 // 0: no limit
	LowerThreshold uint32 // 0: three quarters of UpperThreshold
	Tunnel         Tunnel

	// RawForwarding is a method without a config.Forwarding (local node, bypass), which only a
	// destination made by hand can have; else 0.
	RawForwarding uint8

	// Connections is set by Conn.Services and ignored by Diff.
	Connections Connections
}

// A Tunnel is the encapsulation of tunnel forwarding. The zero value is IP in IP.
type Tunnel struct {
	Type  uint8  // 0 ipip, 1 gue, 2 gre
	Port  uint16 // UDP port of gue
	Flags uint16 // 1 checksum, 2 remote checksum
}

// Connections are the kernel's numbers of connections of a destination.
type Connections struct {
	Active, Inactive, Persistent uint32
}

// An Endpoint identifies a destination of a service in the kernel.
type Endpoint struct {
	Address netip.Addr
	Port    uint16
}

// Compare orders endpoints by address and port, as the destinations of Conn.Services are.
func (e Endpoint) Compare(other Endpoint) int {
	return cmp.Or(e.Address.Compare(other.Address), cmp.Compare(e.Port, other.Port))
}

// Endpoint returns the address and port.
func (d Destination) Endpoint() Endpoint { return Endpoint{d.Address, d.Port} }

// configured returns the destination without its numbers of connections.
func (d Destination) configured() Destination {
	d.Connections = Connections{}
	return d
}

// sortDestinations sorts by address and port. The kernel lists the newest destination
// first.
func sortDestinations[T any](list []T, endpoint func(T) Endpoint) {
	slices.Reverse(list)
	slices.SortFunc(list, func(a, b T) int {
		return endpoint(a).Compare(endpoint(b))
	})
}

// Package ipvs binds marks: it compiles a spec to IPVS services keyed by
// fwmark, reads those that the kernel holds, and changes them in place, one
// kernel call at a time. It also reads and sets the timeouts of connections.
//
// Everything works in the network namespace of the calling thread, so a caller
// that has entered a namespace must have locked its OS thread.
package ipvs

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// A Key is what the kernel knows a fwmark service by.
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

// Service flags of linux/ip_vs.h. The last two belong to the scheduler sh, and
// mean something else to others.
const (
	OnePacket  = 0x4  // IP_VS_SVC_F_ONEPACKET
	SHFallback = 0x8  // IP_VS_SVC_F_SCHED1
	SHPort     = 0x10 // IP_VS_SVC_F_SCHED2
)

// A Service is an IPVS service that is keyed by a fwmark, without its real
// servers: what one kernel call sets, as in moby/ipvs.
type Service struct {
	Key
	Scheduler string // "none": the service has none

	// Persistence is how long a client stays with its real server, in whole
	// seconds; 0: there is none.
	Persistence time.Duration

	// Netmask is the prefix length by which clients are grouped: 0 … 32, or
	// 1 … 128 in IPv6; the full width when they are not grouped. It is 0 when
	// RawNetmask holds the mask.
	Netmask int

	// What no spec asks for, but a service made by hand may have.

	RawNetmask        uint32 // an IPv4 netmask with holes, host byte order; else 0
	Flags             uint32 // OnePacket, SHFallback, SHPort and flags without a name here
	PersistenceEngine string // "sip", say
}

// A VirtualService is a Service with its real servers.
type VirtualService struct {
	Service
	Destinations []Destination // their order has no meaning to Diff
}

// A Destination is a real server of a service. (Address, Port) is unique within a
// service; an address given as IPv4-mapped IPv6 is another one.
type Destination struct {
	Address    netip.Addr // of another family than the service only in a tunnel
	Port       uint16     // 0 in a spec: the port that the client asked for
	Weight     int        // 0: no new connections
	Forwarding config.Forwarding

	// What no spec asks for, but a server made by hand may have.

	RawForwarding  uint8 // a method that config.Forwarding does not name (local node, bypass); else 0
	UpperThreshold uint32
	LowerThreshold uint32
	Encapsulation  Encapsulation

	// Connections is filled by Conn.Services, and is no part of a comparison.
	Connections Connections
}

// An Encapsulation says how Tunnel wraps packets. The zero value is IP in IP.
type Encapsulation struct {
	Type  uint8  // 0 ipip, 1 gue, 2 gre
	Port  uint16 // UDP port of gue
	Flags uint16 // 1 checksum, 2 remote checksum
}

// Connections counts those of a real server.
type Connections struct {
	Active, Inactive, Persistent uint32
}

// An Endpoint tells the servers of a service apart.
type Endpoint struct {
	Address netip.Addr
	Port    uint16
}

// Endpoint is what the kernel knows the server by.
func (s Destination) Endpoint() Endpoint { return Endpoint{s.Address, s.Port} }

// configured is the server without what changes by itself.
func (s Destination) configured() Destination {
	s.Connections = Connections{}
	return s
}

// sortServices sorts services by Key, and their servers by address and port. The
// kernel lists the newest server first.
func sortServices(services []VirtualService) {
	for _, service := range services {
		slices.Reverse(service.Destinations)
		slices.SortFunc(service.Destinations, func(a, b Destination) int {
			return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Port, b.Port))
		})
	}
	slices.SortFunc(services, func(a, b VirtualService) int { return a.Key.Compare(b.Key) })
}

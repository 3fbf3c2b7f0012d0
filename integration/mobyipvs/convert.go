// Package mobyipvs converts services and real servers to the types of moby/ipvs, the
// library that tests and benchmarks compare with.
package mobyipvs

import (
	"encoding/binary"
	"math"
	"time"

	moby "github.com/moby/ipvs"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// persistent is IP_VS_SVC_F_PERSISTENT of linux/ip_vs.h.
const persistent = 1

// Service converts a service, without its real servers.
func Service(s ipvs.Service) *moby.Service {
	service := &moby.Service{
		AddressFamily: unix.AF_INET, FWMark: s.Mark, SchedName: s.SchedName, Flags: s.Flags,
		Timeout: uint32(s.Timeout / time.Second), Netmask: netmask(s), PEName: s.PEName,
	}
	if s.Family == config.IPv6 {
		service.AddressFamily = unix.AF_INET6
	}
	if s.Timeout > 0 {
		service.Flags |= persistent
	}
	return service
}

// netmask returns the mask in network byte order for IPv4, the prefix length for IPv6.
func netmask(s ipvs.Service) uint32 {
	if s.Family == config.IPv6 {
		return uint32(s.Netmask)
	}
	mask := s.RawNetmask
	if mask == 0 {
		mask = math.MaxUint32 << (32 - s.Netmask)
	}
	return binary.NativeEndian.Uint32(binary.BigEndian.AppendUint32(nil, mask))
}

// Destination converts a real server. moby/ipvs has no encapsulations and thresholds.
func Destination(d ipvs.Destination) *moby.Destination {
	destination := &moby.Destination{Address: d.Address.AsSlice(), Port: d.Port, Weight: d.Weight}
	switch d.Forwarding {
	case config.Tunnel:
		destination.ConnectionFlags = moby.ConnectionFlagTunnel
	case config.Direct:
		destination.ConnectionFlags = moby.ConnectionFlagDirectRoute
	}
	return destination
}

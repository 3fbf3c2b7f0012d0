package ipvs_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// randomServices returns random services of the kernel, sorted as by Conn.Services. Marks
// and addresses come from small pools, so that two results have many in common.
func randomServices(r *rand.Rand) []ipvs.VirtualService {
	var services []ipvs.VirtualService
	for _, family := range config.Families() {
		for _, mark := range []uint32{1, 21, 0x7fffffff, 0x80000000, 0xffffffff} {
			if r.IntN(2) == 0 {
				services = append(services, randomService(r, ipvs.Key{Mark: mark, Family: family}))
			}
		}
	}
	return services
}

func randomService(r *rand.Rand, key ipvs.Key) ipvs.VirtualService {
	service := ipvs.VirtualService{Service: ipvs.Service{
		Key:       key,
		SchedName: pick(r, "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf"),
		Netmask:   key.Family.Bits(),
		Flags:     pick[uint32](r, 0, 0, 0, ipvs.OnePacket, ipvs.SHFallback, ipvs.SHPort|ipvs.SHFallback),
	}}
	if r.IntN(2) == 0 {
		service.Timeout = pick[time.Duration](r, 1, 300, 31*24*3600) * time.Second
		service.Netmask = 1 + r.IntN(key.Family.Bits())
		service.PEName = pick(r, "", "", "sip")
		if key.Family == config.IPv4 && r.IntN(4) == 0 {
			service.Netmask, service.RawNetmask = 0, 0xff00ff00
		}
	}
	for i := range 4 {
		for _, port := range []uint16{0, 80} { // with both ports, they are two destinations
			if r.IntN(3) == 0 {
				service.Destinations = append(service.Destinations, randomDestination(r, key.Family, i, port))
			}
		}
	}
	return service
}

func randomDestination(r *rand.Rand, family config.Family, i int, port uint16) ipvs.Destination {
	address := fmt.Sprintf("10.0.0.%d", 9+i)
	if family == config.IPv6 {
		address = fmt.Sprintf("2001:db8::%x", 9+i)
	}
	dest := ipvs.Destination{
		Address:    netip.MustParseAddr(address),
		Port:       port,
		Weight:     pick(r, 0, 1, 5, 32768, 65535),
		Forwarding: pick(r, config.NAT, config.Direct, config.Tunnel),
	}
	if dest.Forwarding == config.Tunnel {
		dest.Tunnel = pick(r, ipvs.Tunnel{}, ipvs.Tunnel{Type: 1, Port: 6080}, ipvs.Tunnel{Type: 2, Flags: 1})
	}
	return dest
}

func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

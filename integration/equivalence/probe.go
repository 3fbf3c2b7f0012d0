package equivalence

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// Probes returns packets to test the marks of a spec: to some VIPs and adjacent
// addresses, and there to the ports at and next to the ends of ranges and to random
// ports.
func Probes(r *rand.Rand, spec *config.Spec) []Packet {
	const mostVIPs = 6
	addresses := map[netip.Addr]bool{}
	vips := vipsOf(spec)
	r.Shuffle(len(vips), func(i, j int) { vips[i], vips[j] = vips[j], vips[i] })
	for _, vip := range vips[:min(len(vips), mostVIPs)] {
		addresses[vip], addresses[vip.Prev()], addresses[vip.Next()] = true, true, true
	}
	ports := probePorts(r, spec)
	packets := make([]Packet, 0, 2*len(addresses)*len(ports))
	for _, to := range slices.SortedFunc(maps.Keys(addresses), netip.Addr.Compare) {
		for i, port := range ports {
			packets = append(packets, Packet{to, unix.IPPROTO_TCP, port}, Packet{to, unix.IPPROTO_UDP, port})
			if i%4 == 0 { // SCTP has ports at the same offset
				packets = append(packets, Packet{to, unix.IPPROTO_SCTP, port})
			}
		}
	}
	return packets
}

func vipsOf(spec *config.Spec) []netip.Addr {
	seen := map[netip.Addr]bool{}
	for _, c := range spec.Clusters {
		for _, vip := range c.VIPs {
			seen[vip.First], seen[vip.Last] = true, true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), netip.Addr.Compare)
}

func probePorts(r *rand.Rand, spec *config.Spec) []uint16 {
	ports := []uint16{0, 1, 19, 20, 21, 22, 988, 989, 990, 991, 1023, 1024, 65534, 65535}
	around := func(low, high uint16) {
		middle := low + (high-low)/2
		ports = append(ports, low-1, low, low+1, middle, high-1, high, high+1)
	}
	for _, c := range spec.Clusters {
		for _, p := range c.Ports {
			around(p.Low, p.High)
		}
		if c.FTP != nil {
			for _, p := range c.FTP.PassivePorts {
				around(p.Low, p.High)
			}
			for _, port := range c.FTP.ControlPorts {
				around(port, port)
			}
		}
	}
	for range 5 {
		ports = append(ports, uint16(r.Uint32()))
	}
	slices.SortFunc(ports, cmp.Compare[uint16])
	return slices.Compact(ports)
}

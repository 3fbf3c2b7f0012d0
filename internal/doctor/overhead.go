package doctor

import (
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
)

// Overhead returns the bytes that a tunnel to a real server adds to a packet: the outer IP
// header, and the header of the encapsulation (ipvs_gue_encap, ipvs_gre_encap of
// net/netfilter/ipvs/ip_vs_xmit.c).
func Overhead(e config.Encapsulation, to netip.Addr) int {
	const ipv4, ipv6, udp, gue, remote, gre, checksum = 20, 40, 8, 4, 8, 4, 4
	outer := ipv4
	if to.Is6() {
		outer = ipv6
	}
	switch e.Type {
	case config.GUE:
		outer += udp + gue
		if e.Checksum == config.RemoteChecksum {
			outer += remote
		}
	case config.GRE:
		outer += gre
		if e.Checksum == config.Checksum {
			outer += checksum
		}
	}
	return outer
}

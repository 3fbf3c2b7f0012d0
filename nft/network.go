package nft

import (
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
)

// network is the network that holds all VIPs of the profile, which are in order.
func (p *profile) network() netip.Prefix {
	return networkOf(p.vips[0].vip, p.vips[len(p.vips)-1].vip)
}

// networkOfAll is the network that holds the VIPs of all profiles.
func networkOfAll(profiles []*profile) netip.Prefix {
	lowest, highest := profiles[0].vips[0].vip, profiles[0].vips[0].vip
	for _, p := range profiles {
		if first := p.vips[0].vip; first.Less(lowest) {
			lowest = first
		}
		if last := p.vips[len(p.vips)-1].vip; highest.Less(last) {
			highest = last
		}
	}
	return networkOf(lowest, highest)
}

// networkOf is a network that holds two addresses, and so all between them; none
// when only a very large one does. Its prefix is one that the kernel compares at
// the least cost, without a mask (nft_payload_fast of
// net/netfilter/nf_tables_core.c loads 1, 2 or 4 bytes), and not the longest one:
// so more VIPs mostly leave the rules as they are.
func networkOf(lowest, highest netip.Addr) netip.Prefix {
	lengths := []int{16, 8}
	if config.FamilyOf(lowest) == config.IPv6 {
		lengths = []int{32, 16}
	}
	for _, bits := range lengths {
		if network := netip.PrefixFrom(lowest, bits).Masked(); network.Contains(highest) {
			return network
		}
	}
	return netip.Prefix{}
}

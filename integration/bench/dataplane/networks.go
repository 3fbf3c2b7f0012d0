package dataplane

import (
	"fmt"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
)

// A site with networks has one cluster for each network, and one for the last VIP, which is
// a single address.

// Networks of at most 256 addresses are elements of a hash, larger ones are intervals
// (nft/network.go).
const (
	hashedNetwork   = 256
	intervalNetwork = 300
)

// size returns the number of VIPs in the cluster of VIP number i.
func (s site) size(i int) int {
	if s.network == 0 || i == s.vips-1 {
		return 1
	}
	return s.network
}

// cluster returns the number of the VIP's cluster.
func (s site) cluster(i int) int {
	if s.network == 0 {
		return i
	}
	return i / s.network
}

// isVerified reports whether the mark of the VIP is verified: of a network, that of the first,
// the middle and the last address.
func (s site) isVerified(i int) bool {
	if s.network == 0 || i == s.vips-1 {
		return true
	}
	at := i % s.network
	return at == 0 || at == s.network/2 || at == s.network-1
}

// inNetworks returns " in networks of 256", or nothing for single VIPs.
func (s site) inNetworks() string {
	if s.network == 0 {
		return ""
	}
	return " in networks of " + measure.Grouped(s.network)
}

// ofNetworks returns the site with n networks of a size and a single VIP.
func (z sizes) ofNetworks(n, size int) site {
	return site{family: z.family, vips: n*size + 1, profiles: 1, network: size}
}

// networks returns the figures of networks: what a network costs as elements of the hash
// and as an interval, and what a single VIP costs beside intervals.
func (z sizes) networks() []comparison {
	many, few, hashed := 100, 34, 40
	if z.vips[len(z.vips)-1] < 10000 {
		many, few, hashed = 4, 2, 2
	}
	one := cell{lvsmark, z.fewest(), toLast}
	add := func(name string, s site, st stream, to cell, bar measure.Bar) comparison {
		return comparison{name: name, of: cell{lvsmark, s, st}, to: to, bar: bar}
	}
	manyIntervals, hash := z.ofNetworks(many, intervalNetwork), z.ofNetworks(hashed, hashedNetwork)
	return []comparison{
		add("one network, an interval: to one VIP", z.ofNetworks(1, intervalNetwork), toRandom, one, measure.Bar{}),
		add(fmt.Sprintf("%d networks, intervals, a random address: to one VIP", many), manyIntervals, toRandom, one, measure.Bar{}),
		add(fmt.Sprintf("a single VIP beside %d networks: to one VIP", many), manyIntervals, toLast, one, measure.AtMost(1.25)),
		add("networks in the hash, a random address: to single VIPs", hash, toRandom, cell{lvsmark, z.most(), toRandom}, measure.AtMost(1.25)),
		add("about as many addresses as intervals: to the hash", z.ofNetworks(few, intervalNetwork), toRandom, cell{lvsmark, hash, toRandom}, measure.Bar{}),
	}
}

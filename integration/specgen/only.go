package specgen

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// The networks of Sources, by family. The first of each has the sender of package
// equivalence.
var (
	networks4 = []string{"203.0.113.0/24", "203.0.112.0/24", "192.0.2.1", "10.64.0.0/10"}
	networks6 = []string{"2001:db8:c00::/40", "2001:db8:d00::/40", "fd77::1", "fd80::/12"}
)

// The devices of Devices. The first is that of the packets of package equivalence.
var devices = []string{"wire", "wan0", "bond0.7"}

// The senders of ExceptMACs. The packets of package equivalence have no Ethernet header.
var macs = []config.MAC{{0x02, 0, 0, 0, 0, 1}, {0x02, 0, 0, 0, 0, 2}, {0x0a, 0xff}}

// setOnly gives the cluster random conditions, unless another cluster on its VIPs and ports
// has some: they might overlap.
func (d *draft) setOnly(c *config.Cluster) {
	for i := range d.spec.Clusters {
		other := &d.spec.Clusters[i]
		shares := slices.ContainsFunc(other.VIPs, func(vips config.AddressRange) bool { return slices.ContainsFunc(c.VIPs, vips.Overlaps) })
		if other.Only != nil && shares && overlap(other.MarkedPorts(), c.MarkedPorts()) {
			return
		}
	}
	only := &config.Only{}
	if d.oneIn(2) {
		for _, family := range config.Families() {
			if c.Serves(family) {
				only.Sources = append(only.Sources, d.networks(family)...)
			}
		}
	}
	if d.oneIn(2) {
		only.Devices = some(d, devices)
	}
	if d.oneIn(2) || len(only.Sources)+len(only.Devices) == 0 {
		only.ExceptMACs = some(d, macs)
	}
	c.Only = only
}

func (d *draft) networks(family config.Family) []netip.Prefix {
	list := networks4
	if family == config.IPv6 {
		list = networks6
	}
	var prefixes []netip.Prefix
	for _, text := range some(d, list) {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address := netip.MustParseAddr(text)
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes
}

// some returns at least one of the values, in random order.
func some[T any](d *draft, values []T) []T {
	list := slices.Clone(values)
	d.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:1+d.IntN(len(list))]
}

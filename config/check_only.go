package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// maxOnlyPerVIP is the largest number of clusters with only that may share a VIP. Packets
// to the VIP are tested against each of them.
const maxOnlyPerVIP = 16

// only checks the conditions of one cluster against each other and against its VIPs.
func (c *checker) only(i int) {
	in, _ := c.cluster(i)
	only := &in.only.value
	repeated(c, "device", only.devices.value)
	repeated(c, "Ethernet address", only.macs.value)
	c.networks(i, "client network", only.sources.value)
	if !only.sources.valid || !in.vips.valid {
		return
	}
	for _, family := range Families() {
		if c.serves(i, family) && !slices.ContainsFunc(only.sources.value, func(s item[netip.Prefix]) bool { return family.holds(s.value.Addr()) }) {
			vip := c.served[i][family]
			c.mistake(only.sources.position, "no packet to VIP %s would get the mark: sources of only has no %s network; add one, or remove the VIP", vip, family)
		}
	}
}

func repeated[T comparable](c *checker, what string, items []item[T]) {
	first := map[T]int{}
	for _, one := range items {
		if line, twice := first[one.value]; twice {
			c.mistake(one.position, "%s %v is given twice, first at line %d; remove one", what, one.value, line)
			continue
		}
		first[one.value] = one.line
	}
}

// onlyUses divides the uses of a VIP into those of clusters without only and with it.
// Clusters whose only is unreadable are left out.
func (c *checker) onlyUses(shared vipUses) (without, with vipUses) {
	for _, use := range shared {
		switch in, _ := c.cluster(use.cluster); {
		case !in.only.present:
			without = append(without, use)
		case in.only.valid && in.only.value.areReadable():
			with = append(with, use)
		}
	}
	return without, with
}

func (o *fileOnly) areReadable() bool {
	return !o.sources.unreadable() && !o.devices.unreadable() && !o.macs.unreadable()
}

// onlyConflicts returns the pairs of clusters that mark the same ports of a VIP, if a packet
// can meet the only of both. Packets that meet none of them belong to the cluster without
// only, so that is no conflict.
func (c *checker) onlyConflicts(family Family, with vipUses) []portConflict {
	if len(with) < 2 {
		return nil
	}
	if len(with) > maxOnlyPerVIP && len(c.ports[with[maxOnlyPerVIP].cluster]) > 0 {
		return []portConflict{{
			earlier: with[0].cluster, later: with[maxOnlyPerVIP].cluster, ports: c.ports[with[maxOnlyPerVIP].cluster][0],
			reason: fmt.Sprintf("more than %d clusters with only share the VIP, and packets to it would be tested against each of them; join some of these clusters", maxOnlyPerVIP),
		}}
	}
	var conflicts []portConflict
	for k, later := range with {
		for _, earlier := range with[:k] {
			ports, shared := firstOverlap(c.ports[earlier.cluster], c.ports[later.cluster])
			if !shared {
				continue
			}
			if packets, both := c.meetBoth(family, earlier.cluster, later.cluster); both {
				conflicts = append(conflicts, portConflict{earlier.cluster, later.cluster, ports, packets +
					" meet the only of both; give them sources or devices that do not overlap, or leave only out in one, which then gets all other packets"})
			}
		}
	}
	return conflicts
}

// firstOverlap returns ports that two lists have in common.
func firstOverlap(a, b []PortRange) (PortRange, bool) {
	for _, r := range a {
		for _, other := range b {
			if r.Overlaps(other) {
				return PortRange{r.Protocol, max(r.Low, other.Low), min(r.High, other.High)}, true
			}
		}
	}
	return PortRange{}, false
}

// meetBoth describes packets that meet the only of two clusters; false: there are none.
func (c *checker) meetBoth(family Family, a, b int) (packets string, both bool) {
	packets = "packets"
	first, second := c.clients(a, family), c.clients(b, family)
	switch {
	case len(first) > 0 && len(second) > 0:
		source, overlap := commonNetwork(first, second)
		if !overlap {
			return "", false
		}
		packets += " from " + sourceText(source)
	case len(first)+len(second) > 0:
		packets += " from " + sourceText(append(first, second...)[0])
	}
	devices, others := c.spec.Clusters[a].Only.Devices, c.spec.Clusters[b].Only.Devices
	switch {
	case len(devices) > 0 && len(others) > 0:
		i := slices.IndexFunc(devices, func(name string) bool { return slices.Contains(others, name) })
		if i < 0 {
			return "", false
		}
		packets += " that come in by " + devices[i]
	case len(devices)+len(others) > 0:
		packets += " that come in by " + slices.Concat(devices, others)[0]
	}
	return packets, true
}

// clients returns the sorted client networks of a cluster. They do not overlap.
func (c *checker) clients(i int, family Family) []netip.Prefix {
	key := clientsKey{i, family}
	sorted, known := c.sortedClients[key]
	if !known {
		sorted = c.spec.Clusters[i].Only.SourcesOf(family)
		slices.SortFunc(sorted, comparePrefixes)
		c.sortedClients[key] = sorted
	}
	return slices.Clip(sorted)
}

type clientsKey struct {
	cluster int
	family  Family
}

// commonNetwork returns a network that two sorted lists have in common. Its time depends on
// the shorter list.
func commonNetwork(a, b []netip.Prefix) (netip.Prefix, bool) {
	if len(a) > len(b) {
		a, b = b, a
	}
	for _, network := range a {
		next, _ := slices.BinarySearchFunc(b, network, comparePrefixes)
		for _, k := range []int{next - 1, next} {
			if k >= 0 && k < len(b) && b[k].Overlaps(network) {
				if b[k].Bits() > network.Bits() {
					network = b[k]
				}
				return network, true
			}
		}
	}
	return netip.Prefix{}, false
}

// networks checks that networks are of families that the cluster serves, and do not overlap.
// It returns them sorted.
func (c *checker) networks(i int, what string, given []item[netip.Prefix]) []item[netip.Prefix] {
	in, _ := c.cluster(i)
	for _, network := range given {
		if family := FamilyOf(network.value.Addr()); in.vips.valid && !c.serves(i, family) {
			c.mistake(network.position, "%s %s is %s, and the cluster has no %s VIP; remove it", what, sourceText(network.value), family, family)
		}
	}
	sorted := slices.SortedStableFunc(slices.Values(given), func(a, b item[netip.Prefix]) int {
		return cmp.Or(comparePrefixes(a.value, b.value), comparePositions(a.position, b.position))
	})
	for k := 1; k < len(sorted); k++ {
		outer, inner := sorted[k-1], sorted[k]
		switch {
		case !outer.value.Contains(inner.value.Addr()):
			continue
		case outer.value == inner.value:
			c.mistake(inner.position, "%s %s is given twice, first at line %d; remove one", what, sourceText(inner.value), outer.line)
		default:
			c.mistake(inner.position, "%s %s is within %s at line %d; remove it", what, sourceText(inner.value), outer.value, outer.line)
		}
		sorted[k] = outer
	}
	return sorted
}

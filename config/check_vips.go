package config

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
)

// vipUses are the positions of VIPs in the file, one for each cluster, sorted by
// VIPs and then by position.
type vipUses []vipUse

type vipUse struct {
	position
	vips    AddressRange
	cluster int
}

// usesOf returns the uses of exactly these VIPs.
func (u vipUses) usesOf(vips AddressRange) vipUses {
	start, found := slices.BinarySearchFunc(u, vips, func(use vipUse, vips AddressRange) int { return use.vips.Compare(vips) })
	if !found {
		return nil
	}
	count, _ := slices.BinarySearchFunc(u[start:], vips, func(use vipUse, vips AddressRange) int {
		return cmp.Or(use.vips.Compare(vips), -1)
	})
	return u[start : start+count]
}

// with returns the use with the address; false if there is none. If several have it, it
// returns one of those with the most addresses.
func (u vipUses) with(a netip.Addr) (vipUse, bool) {
	i, _ := slices.BinarySearchFunc(u, a, func(use vipUse, a netip.Addr) int { return cmp.Or(use.vips.First.Compare(a), -1) })
	if i == 0 || !u[i-1].vips.Contains(a) {
		return vipUse{}, false
	}
	return u[i-1], true
}

// outermost returns the uses that are not within an earlier one.
func (u vipUses) outermost() vipUses {
	var outer vipUses
	for _, use := range u {
		if n := len(outer); n == 0 || outer[n-1].vips.Last.Less(use.vips.Last) {
			outer = append(outer, use)
		}
	}
	return outer
}

// collectVIPs collects the uses of all VIPs, and reports VIPs that one cluster has
// twice.
func (c *checker) collectVIPs() {
	total := 0
	for i := range c.spec.Clusters {
		total += len(c.spec.Clusters[i].VIPs)
	}
	all := make(vipUses, 0, total)
	for i := range c.spec.Clusters {
		in, _ := c.cluster(i)
		for _, vips := range in.vips.value {
			all = append(all, vipUse{vips.position, vips.value, i})
		}
	}
	slices.SortStableFunc(all, func(a, b vipUse) int { return a.vips.Compare(b.vips) })
	c.vips = all[:0]
	for _, use := range all {
		if n := len(c.vips); n > 0 && c.vips[n-1].vips == use.vips {
			if first := c.vips[n-1]; first.cluster == use.cluster {
				c.mistake(use.position, "VIP %s is given twice, first at line %d; remove one", use.vips, first.line)
				continue
			}
			c.shared = true
		}
		c.vips = append(c.vips, use)
	}
	c.outermost = c.vips.outermost()
}

// A portConflict is a range of ports that two clusters mark.
type portConflict struct {
	earlier, later int
	ports          PortRange // common to both
	reason         string    // why the conditions of only do not keep them apart; empty: a cluster has none
}

// sharedVIPs checks that clusters with the same VIPs mark different ports of it. It
// compares ports once for each set of clusters that share VIPs, not for each VIP.
func (c *checker) sharedVIPs() {
	if !c.shared {
		return
	}
	known := map[string][]portConflict{}
	for i := range c.spec.Clusters {
		_, cluster := c.cluster(i)
		for _, vips := range cluster.VIPs {
			shared := c.vips.usesOf(vips)
			if len(shared) < 2 || shared[0].cluster != i {
				continue
			}
			family := vips.Family()
			key := family.String() + keyOf(shared)
			conflicts, done := known[key]
			if !done {
				conflicts = c.conflictsOf(family, shared)
				known[key] = conflicts
			}
			for _, conflict := range conflicts {
				place := useIn(shared, conflict.later)
				first := useIn(shared, conflict.earlier)
				c.mistake(place.position, "VIP %s with port %s is also in %s, first at line %d; %s",
					vips, conflict.ports, c.label(conflict.earlier), first.line,
					cmp.Or(conflict.reason, "a packet has one mark, so remove it in one of them or mark other ports"))
			}
		}
	}
}

// conflictsOf returns the conflicts of clusters that share VIPs of a family.
func (c *checker) conflictsOf(family Family, shared vipUses) []portConflict {
	without, with := c.onlyUses(shared)
	return append(c.portConflicts(without), c.onlyConflicts(family, with)...)
}

func keyOf(shared vipUses) string {
	var key []byte
	for _, use := range shared {
		key = binary.AppendUvarint(key, uint64(use.cluster))
	}
	return string(key)
}

func useIn(shared vipUses, cluster int) vipUse {
	index, _ := slices.BinarySearchFunc(shared, cluster, func(use vipUse, cluster int) int {
		return cmp.Compare(use.cluster, cluster)
	})
	return shared[index]
}

// portConflicts returns one conflict for each pair of clusters whose ports overlap.
// It goes once through the sorted ports of all clusters.
func (c *checker) portConflicts(shared vipUses) []portConflict {
	type owned struct {
		PortRange
		cluster int
	}
	var ranges []owned
	for _, use := range shared {
		for _, ports := range c.ports[use.cluster] {
			ranges = append(ranges, owned{ports, use.cluster})
		}
	}
	slices.SortStableFunc(ranges, func(a, b owned) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low))
	})
	var conflicts []portConflict
	reported := map[[2]int]bool{}
	for k := 1; k < len(ranges); k++ {
		furthest, next := ranges[k-1], ranges[k]
		if !furthest.Overlaps(next.PortRange) {
			continue
		}
		pair := [2]int{min(furthest.cluster, next.cluster), max(furthest.cluster, next.cluster)}
		if !reported[pair] {
			reported[pair] = true
			common := PortRange{next.Protocol, next.Low, min(furthest.High, next.High)}
			conflicts = append(conflicts, portConflict{earlier: pair[0], later: pair[1], ports: common})
		}
		if furthest.High > next.High { // compare the next range with the one that has the highest end
			ranges[k] = furthest
		}
	}
	return conflicts
}

// overlaps checks that no two entries of a ports list contain the same port.
func (c *checker) overlaps(entries []item[PortRange]) {
	sorted := slices.SortedStableFunc(slices.Values(entries), func(a, b item[PortRange]) int {
		return cmp.Or(cmp.Compare(a.value.Protocol, b.value.Protocol), cmp.Compare(a.value.Low, b.value.Low))
	})
	for k := 1; k < len(sorted); k++ {
		furthest, next := sorted[k-1], sorted[k]
		if !furthest.value.Overlaps(next.value) {
			continue
		}
		first, second := furthest, next
		if comparePositions(second.position, first.position) < 0 {
			first, second = second, first
		}
		c.mistake(second.position, "port %s overlaps %s, first at line %d; merge them or remove one", second.value, first.value, first.line)
		if furthest.value.High > next.value.High {
			sorted[k] = furthest
		}
	}
}

package config

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
)

// vipUses are the places where each VIP is given, in the order of the file;
// once for each cluster.
type vipUses map[netip.Addr][]vipUse

type vipUse struct {
	position
	cluster int
}

// collectVIPs finds the uses of all VIPs, and checks those of each cluster on its
// own.
func (c *checker) collectVIPs() {
	total := 0
	for i := range c.spec.Clusters {
		total += len(c.spec.Clusters[i].VIPs)
	}
	c.vips = make(vipUses, total)
	uses := make([]vipUse, 0, total) // one for each VIP, and those of shared ones besides
	for i := range c.spec.Clusters {
		in, _ := c.cluster(i)
		for _, vip := range in.vips.value {
			given := c.vips[vip.value]
			if n := len(given); n > 0 && given[n-1].cluster == i {
				c.mistake(vip.position, "VIP %s is given twice, first at line %d; remove one", vip.value, given[n-1].line)
				continue
			}
			use := vipUse{vip.position, i}
			if len(given) > 0 {
				c.vips[vip.value] = append(given, use)
				c.shared = true
				continue
			}
			uses = append(uses, use)
			c.vips[vip.value] = uses[len(uses)-1 : len(uses) : len(uses)]
		}
	}
}

// A portConflict is a port that two clusters mark, the earlier one first.
type portConflict struct {
	earlier, later int
	ports          PortRange // common to both
}

// sharedVIPs checks that clusters which share a VIP mark different ports of it.
// The clusters' ports are compared once for each set of clusters that share
// VIPs, not once for each VIP.
func (c *checker) sharedVIPs() {
	if !c.shared {
		return
	}
	known := map[string][]portConflict{}
	for i := range c.spec.Clusters {
		_, cluster := c.cluster(i)
		for _, vip := range cluster.VIPs {
			shared := c.vips[vip]
			if len(shared) < 2 || shared[0].cluster != i {
				continue
			}
			key := keyOf(shared)
			conflicts, done := known[key]
			if !done {
				conflicts = c.portConflicts(shared)
				known[key] = conflicts
			}
			for _, conflict := range conflicts {
				place := useIn(shared, conflict.later)
				first := useIn(shared, conflict.earlier)
				c.mistake(place.position, "VIP %s with port %s is also in %s, first at line %d; a packet has one mark, so remove it in one of them or mark other ports",
					vip, conflict.ports, c.label(conflict.earlier), first.line)
			}
		}
	}
}

func keyOf(shared []vipUse) string {
	var key []byte
	for _, use := range shared {
		key = binary.AppendUvarint(key, uint64(use.cluster))
	}
	return string(key)
}

func useIn(shared []vipUse, cluster int) vipUse {
	index, _ := slices.BinarySearchFunc(shared, cluster, func(use vipUse, cluster int) int {
		return cmp.Compare(use.cluster, cluster)
	})
	return shared[index]
}

// portConflicts sweeps over the ports of the clusters and returns a conflict for
// each cluster whose ports run into those of another.
func (c *checker) portConflicts(shared []vipUse) []portConflict {
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
			conflicts = append(conflicts, portConflict{pair[0], pair[1], common})
		}
		if furthest.High > next.High { // what comes next is compared with the range that reaches furthest
			ranges[k] = furthest
		}
	}
	return conflicts
}

// overlaps checks that no two entries of a ports list hold the same port.
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

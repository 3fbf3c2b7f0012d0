package draft

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// findDevices finds the devices to which lvsmark has added the VIPs of clusters. Addresses and
// routes there tell networks of a spec from ranges and single VIPs, which rules do not.
//
// A network of VIPs lacks addresses in the rules if another cluster has the same ports there.
// So clusters whose VIPs are exactly those of a device come first, then larger ones.
func (d *Draft) findDevices(list []oldconfig.VIPsOnDevice) {
	added := newAddedVIPs(list)
	var rest []*cluster
	for _, c := range added.byDevices(d.clusters) {
		if !c.takeDevice(added, coalesced(c.vips), anyOf) {
			rest = append(rest, c)
		}
	}
	slices.SortStableFunc(rest, func(a, b *cluster) int { return cmp.Compare(len(b.vips), len(a.vips)) })
	samePorts := d.vipsByPorts()
	for _, c := range rest {
		within := samePorts[c.portsKey()]
		if slices.Contains(added.taken, false) && !c.takeDevice(added, within, onlyFree) {
			c.takeDevice(added, within, oneFree)
		}
	}
	d.giveHidden(added)
	for _, c := range d.clusters {
		if c.device == "" {
			continue
		}
		marked, line := coalesced(c.vips), c.vips[0].line
		c.vips = nil
		for _, r := range joinedRanges(c.onDevice, marked) {
			c.vips = append(c.vips, vip{rangeOf(r), r.Family(), line})
		}
	}
}

// vipsByPorts returns the VIPs of all clusters with the same ports, coalesced.
func (d *Draft) vipsByPorts() map[string][]vip {
	vips := map[string][]vip{}
	for _, c := range d.clusters {
		vips[c.portsKey()] = append(vips[c.portsKey()], c.vips...)
	}
	for key := range vips {
		vips[key] = coalesced(vips[key])
	}
	return vips
}

func (c *cluster) portsKey() string {
	if c.everyPort {
		return everyPort
	}
	return portsText(c.ports)
}

// giveHidden gives a cluster the networks whose addresses are all VIPs of another cluster with
// the same ports, so that no rule has them. First come those beside others of the cluster, as
// parts of one range. A single address is always such a part: by itself a spec refuses it.
func (d *Draft) giveHidden(added *addedVIPs) {
	given := true
	for given {
		given = d.giveHiddenTo(added, func(c *cluster, r config.AddressRange) bool { return c.adjoins(r) })
	}
	d.giveHiddenTo(added, func(_ *cluster, r config.AddressRange) bool { return r.First != r.Last })
}

func (d *Draft) giveHiddenTo(added *addedVIPs, mayHave func(*cluster, config.AddressRange) bool) (given bool) {
	for i, v := range added.vips {
		for _, c := range d.clusters {
			if !added.taken[i] && c.device == added.list[i].Device && c.serves(v.family) && mayHave(c, added.list[i].VIPs) &&
				!slices.ContainsFunc(c.vips, v.overlaps) && d.isHidden(v, c) {
				c.onDevice, added.taken[i] = append(c.onDevice, added.list[i].VIPs), true
				given = true
			}
		}
	}
	return given
}

// adjoins reports whether addresses are right before or behind others of the cluster.
func (c *cluster) adjoins(r config.AddressRange) bool {
	return slices.ContainsFunc(c.onDevice, func(o config.AddressRange) bool { return o.Last.Next() == r.First || r.Last.Next() == o.First })
}

func (d *Draft) isHidden(hidden vip, behind *cluster) bool {
	var vips []vip
	for _, c := range d.clusters {
		if c != behind && c.portsKey() == behind.portsKey() {
			vips = append(vips, c.vips...)
		}
	}
	return isWithin(hidden, coalesced(vips))
}

// takeDevice sets the device that has the VIPs of the cluster, and the VIPs as they are there.
// It prefers a device with addresses of no cluster. Addresses count that lie within. It returns
// false if no device has all VIPs.
func (c *cluster) takeDevice(added *addedVIPs, within []vip, which freedom) bool {
	var best []int
	most := -1
	if which == oneFree {
		most = 0
	}
	for _, device := range added.devices {
		indices := c.addedTo(device, added, within, which)
		fresh := 0
		for _, i := range indices {
			if !added.taken[i] {
				fresh++
			}
		}
		if len(indices) > 0 && fresh > most {
			best, most = indices, fresh
		}
	}
	if best == nil {
		return false
	}
	c.device = added.list[best[0]].Device
	c.deviceLine = oldconfig.Line{Text: "addresses of " + c.device}
	c.onDevice = nil
	for _, i := range added.withoutNested(best) {
		added.taken[i] = true
		c.onDevice = append(c.onDevice, added.list[i].VIPs)
	}
	return true
}

// joinedRanges joins addresses that are the parts of one range, if no rule has one of them: it
// is also a VIP of another cluster with the same ports, and a spec refuses it unless it lies
// within a range.
func joinedRanges(vips []config.AddressRange, marked []vip) []config.AddressRange {
	isHidden := func(r config.AddressRange) bool {
		return !vip{addresses: rangeOf(r), family: r.Family()}.overlapsAny(marked)
	}
	if !slices.ContainsFunc(vips, isHidden) {
		return vips
	}
	slices.SortFunc(vips, func(a, b config.AddressRange) int { return a.First.Compare(b.First) })
	var list []config.AddressRange
	for len(vips) > 0 {
		n := 1
		for k := 2; k <= len(vips) && vips[k-2].Last.Next() == vips[k-1].First; k++ {
			whole := config.AddressRange{First: vips[0].First, Last: vips[k-1].Last}
			if len(whole.Prefixes()) == k && slices.ContainsFunc(vips[:k], isHidden) {
				n = k
			}
		}
		list = append(list, config.AddressRange{First: vips[0].First, Last: vips[n-1].Last})
		vips = vips[n:]
	}
	return list
}

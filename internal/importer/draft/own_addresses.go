package draft

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// addedVIPs are the addresses and networks that lvsmark has added to devices.
type addedVIPs struct {
	list     []oldconfig.VIPsOnDevice
	vips     []vip  // of the list
	taken    []bool // a cluster has it
	devices  []string
	ofDevice map[string][]int // indices, sorted by the first address
}

func newAddedVIPs(list []oldconfig.VIPsOnDevice) *addedVIPs {
	a := &addedVIPs{list: list, taken: make([]bool, len(list)), ofDevice: map[string][]int{}}
	for i, one := range list {
		a.vips = append(a.vips, vip{addresses: rangeOf(one.VIPs), family: one.VIPs.Family()})
		if a.ofDevice[one.Device] == nil {
			a.devices = append(a.devices, one.Device)
		}
		a.ofDevice[one.Device] = append(a.ofDevice[one.Device], i)
	}
	for _, indices := range a.ofDevice {
		slices.SortFunc(indices, func(i, j int) int { return compareFirst(a.vips[i], a.vips[j]) })
	}
	return a
}

func compareFirst(a, b vip) int {
	return cmp.Or(cmp.Compare(a.family, b.family), a.addresses.Low.Compare(b.addresses.Low))
}

// byDevices returns the clusters in the order of the number of devices that may be theirs.
func (a *addedVIPs) byDevices(clusters []*cluster) []*cluster {
	count := map[*cluster]int{}
	for _, c := range clusters {
		for _, device := range a.devices {
			if c.addedTo(device, a, coalesced(c.vips), anyOf) != nil {
				count[c]++
			}
		}
	}
	return slices.SortedStableFunc(slices.Values(clusters), func(a, b *cluster) int { return count[a] - count[b] })
}

// A freedom is which addresses of a device a cluster may have.
type freedom int

const (
	anyOf    freedom = iota
	onlyFree         // those of no other cluster
	oneFree          // any, but one at least is of no other cluster
)

// addedTo returns the addresses of the device with VIPs of the cluster that lie within others;
// nil if they are not all of its VIPs.
func (c *cluster) addedTo(device string, added *addedVIPs, within []vip, which freedom) (indices []int) {
	var have []vip
	own := coalesced(c.vips)
	for _, w := range within {
		if !w.overlapsAny(own) {
			continue
		}
		for _, i := range added.startingIn(device, w) {
			v := added.vips[i]
			if (which != onlyFree || !added.taken[i]) && w.addresses.Contains(v.addresses) && v.overlapsAny(own) {
				indices, have = append(indices, i), append(have, v)
			}
		}
	}
	have = coalesced(have)
	if slices.ContainsFunc(c.vips, func(v vip) bool { return !isWithin(v, have) }) {
		return nil
	}
	return indices
}

// startingIn returns the addresses and networks of the device whose first address is in v.
func (a *addedVIPs) startingIn(device string, v vip) []int {
	all := a.ofDevice[device]
	first, _ := slices.BinarySearchFunc(all, v, func(i int, v vip) int { return compareFirst(a.vips[i], v) })
	end := first
	for end < len(all) && a.vips[all[end]].family == v.family && a.vips[all[end]].addresses.Low.Compare(v.addresses.High) <= 0 {
		end++
	}
	return all[first:end]
}

// withoutNested returns the addresses without those within a network of the list; or without
// the network if single ones are all of its addresses, unless only the network is of no cluster.
func (a *addedVIPs) withoutNested(indices []int) []int {
	drop := map[int]bool{}
	for _, i := range indices {
		if a.list[i].VIPs.IsSingle() {
			continue
		}
		var inside []int
		var parts []vip
		for _, j := range indices {
			if j == i || drop[j] || !a.vips[i].addresses.Contains(a.vips[j].addresses) || a.vips[i].family != a.vips[j].family {
				continue
			}
			inside = append(inside, j)
			if a.list[j].VIPs.IsSingle() {
				parts = append(parts, a.vips[j])
			}
		}
		isFresh := func(j int) bool { return !a.taken[j] }
		if isWithin(a.vips[i], coalesced(parts)) && (a.taken[i] || slices.ContainsFunc(inside, isFresh)) {
			drop[i] = true
			continue
		}
		for _, j := range inside {
			drop[j] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(indices), func(i int) bool { return drop[i] })
}

func (v vip) overlaps(other vip) bool {
	_, ok := v.addresses.Intersect(other.addresses)
	return ok && v.family == other.family
}

// isWithin reports whether the VIPs contain all addresses of v. They must be coalesced.
func isWithin(v vip, vips []vip) bool {
	after, _ := slices.BinarySearchFunc(vips, v, func(a, b vip) int {
		return cmp.Or(cmp.Compare(a.family, b.family), a.addresses.Low.Compare(b.addresses.Low), -1)
	})
	return after > 0 && vips[after-1].family == v.family && vips[after-1].addresses.Contains(v.addresses)
}

// overlapsAny reports whether v has an address of the VIPs, which must be coalesced.
func (v vip) overlapsAny(vips []vip) bool {
	after, _ := slices.BinarySearchFunc(vips, v, func(a, b vip) int {
		return cmp.Or(cmp.Compare(a.family, b.family), a.addresses.Low.Compare(b.addresses.High), -1)
	})
	return after > 0 && vips[after-1].overlaps(v)
}

func rangeOf(r config.AddressRange) oldconfig.Range {
	return oldconfig.Range{Low: oldconfig.AddressNumber(r.First), High: oldconfig.AddressNumber(r.Last)}
}

// coalesced returns the VIPs with adjacent and overlapping ranges joined.
func coalesced(vips []vip) []vip {
	sorted := slices.SortedFunc(slices.Values(vips), compareFirst)
	var joined []vip
	for _, v := range sorted {
		n := len(joined) - 1
		if n >= 0 && joined[n].family == v.family && v.addresses.Low.Compare(joined[n].addresses.High.Next()) <= 0 {
			if joined[n].addresses.High.Compare(v.addresses.High) < 0 {
				joined[n].addresses.High = v.addresses.High
			}
			continue
		}
		joined = append(joined, v)
	}
	return joined
}

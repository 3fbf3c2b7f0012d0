package nft

import (
	"cmp"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// VIPs that are networks or ranges. The addresses of small ones are elements of the hash of
// the single VIPs. Larger ones are intervals of a second map, which a rule looks up if the
// hash has no element: the cost of a lookup in a hash does not depend on its elements, that
// of a search among intervals does. So a single VIP within a network has its own mark.

// networksSuffix ends the name of the map of a profile's networks.
const networksSuffix = "_networks"

// expandLimit is the largest number of addresses of a network that are elements of a hash.
// `integration/run bench` compares the two.
const expandLimit = 256

// A markedRange is a network or range of VIPs with the mark of its packets.
type markedRange struct {
	config.AddressRange
	mark uint32
}

func addressesOf(r *markedRange) *config.AddressRange { return &r.AddressRange }

// expandNetworks moves the addresses of small networks to the single VIPs, and makes the
// others disjoint. An address gets the mark of the smallest range that contains it; config
// refuses other overlaps of VIPs with the same ports.
func (p *profile) expandNetworks() {
	if len(p.networks) == 0 {
		return
	}
	var small, large []markedRange
	for _, r := range p.networks {
		if r.Count() <= expandLimit {
			small = append(small, r)
		} else {
			large = append(large, r)
		}
	}
	p.networks = config.Disjoint(large, addressesOf)
	if len(small) == 0 {
		return
	}
	for _, v := range p.vips {
		small = append(small, markedRange{config.SingleAddress(v.vip), v.mark})
	}
	p.vips = nil
	for _, r := range config.Disjoint(small, addressesOf) {
		for a := range r.All() {
			p.vips = append(p.vips, markedVIP{a, r.mark})
		}
	}
}

// maps returns the names of the maps that have the marks of the profile's VIPs, in the
// order in which packets look them up.
func (p *profile) maps() []string {
	if p.isSharded() {
		return []string{p.name}
	}
	var names []string
	if len(p.vips) > 0 {
		names = append(names, p.name)
	}
	if len(p.networks) > 0 {
		names = append(names, p.name+networksSuffix)
	}
	return names
}

// bounds returns the range from the lowest VIP of the profile to the highest.
func (p *profile) bounds() config.AddressRange {
	var all config.AddressRange
	if len(p.vips) > 0 {
		all = config.AddressRange{First: p.vips[0].vip, Last: p.vips[len(p.vips)-1].vip}
	}
	if n := len(p.networks); n > 0 {
		all = around(all, config.AddressRange{First: p.networks[0].First, Last: p.networks[n-1].Last})
	}
	return all
}

// around returns the range from the lowest address of two ranges to the highest. The first
// may be invalid.
func around(a, b config.AddressRange) config.AddressRange {
	if !a.First.IsValid() {
		return b
	}
	if b.First.Less(a.First) {
		a.First = b.First
	}
	if a.Last.Less(b.Last) {
		a.Last = b.Last
	}
	return a
}

// addNetworkProfiles adds to the profiles of each single VIP those whose networks contain
// it: they mark packets to other ports of the VIP.
func addNetworkProfiles(ofVIP map[netip.Addr][]*profile, profiles []*profile) {
	if !slices.ContainsFunc(profiles, func(p *profile) bool { return len(p.networks) > 0 }) {
		return
	}
	for vip, list := range ofVIP {
		ofVIP[vip] = slices.DeleteFunc(slices.Clone(profiles), func(p *profile) bool {
			return !slices.Contains(list, p) && !p.hasInNetworks(vip)
		})
	}
}

func (p *profile) hasInNetworks(a netip.Addr) bool {
	i, _ := slices.BinarySearchFunc(p.networks, a, func(r markedRange, a netip.Addr) int { return cmp.Or(r.First.Compare(a), -1) })
	return i > 0 && p.networks[i-1].Contains(a)
}

// eachNetwork yields disjoint ranges, sorted, each with the profiles whose networks contain
// it.
func eachNetwork(profiles []*profile, yield func(config.AddressRange, []*profile)) {
	var starts []netip.Addr
	for _, p := range profiles {
		for _, r := range p.networks {
			starts = append(starts, r.First)
			if next := r.Last.Next(); next.IsValid() {
				starts = append(starts, next)
			}
		}
	}
	slices.SortFunc(starts, netip.Addr.Compare)
	starts = slices.Compact(starts)
	var current config.AddressRange
	var of []*profile
	for i, first := range starts {
		list := slices.DeleteFunc(slices.Clone(profiles), func(p *profile) bool { return !p.hasInNetworks(first) })
		last := config.RangeOfPrefix(netip.PrefixFrom(first, 0)).Last
		if i+1 < len(starts) {
			last = starts[i+1].Prev()
		}
		if slices.Equal(list, of) {
			current.Last = last
			continue
		}
		if len(of) > 0 {
			yield(current, of)
		}
		current, of = config.AddressRange{First: first, Last: last}, list
	}
	if len(of) > 0 {
		yield(current, of)
	}
}

// networkMaps returns the map of networks of each profile that has any.
func networkMaps(family Family, profiles []*profile) []*Set {
	var maps []*Set
	for _, p := range profiles {
		if len(p.networks) == 0 || p.isSharded() {
			continue
		}
		ranges := make([]AddressRange, len(p.networks))
		for i, n := range p.networks {
			ranges[i] = n.AddressRange
		}
		m := intervalMap(p.name+networksSuffix, "network of VIPs : fwmark", family, typeMark, 4)
		m.Elements = intervalElements(ranges, func(i int) string { return valueRest(markBytes(p.networks[i].mark)) })
		maps = append(maps, m)
	}
	return maps
}

// groupMaps returns the verdict map from networks to chains; none if there are no networks.
func groupMaps(family Family, groups []*vipGroup) []*Set {
	type target struct {
		config.AddressRange
		chain string
	}
	var targets []target
	for _, g := range groups {
		for _, r := range g.networks {
			targets = append(targets, target{r, g.name})
		}
	}
	if len(targets) == 0 {
		return nil
	}
	slices.SortFunc(targets, func(a, b target) int { return a.First.Compare(b.First) })
	ranges := make([]AddressRange, len(targets))
	for i, t := range targets {
		ranges[i] = t.AddressRange
	}
	m := intervalMap(vipNetworksName, "network of VIPs : chain of its ports", family, typeVerdict, 0)
	m.Elements = intervalElements(ranges, func(i int) string { return gotoRest(targets[i].chain) })
	return []*Set{m}
}

func intervalMap(name, comment string, family Family, dataType, dataLen uint32) *Set {
	m := hashMap(name, comment, family, dataType, dataLen)
	m.Flags |= unix.NFT_SET_INTERVAL
	return m
}

package dataplane

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/bench/measure"
)

// sizes are the sizes of the measured sites.
type sizes struct {
	family   config.Family
	vips     []int
	profiles []int
	ofMany   int // VIPs of sites with several profiles
}

func sizesOf(opts measure.Options) sizes {
	if opts.Smoke {
		return sizes{family: config.IPv4, vips: []int{1, 100}, profiles: []int{2, 64}, ofMany: 50}
	}
	return sizes{family: config.IPv4, vips: []int{1, 100, 1000, 10000}, profiles: []int{2, 3, 8, 64}, ofMany: 1000}
}

// ofIPv6 returns the smallest and the largest number of VIPs, with one port profile.
func (z sizes) ofIPv6() sizes {
	return sizes{family: config.IPv6, vips: []int{z.vips[0], z.vips[len(z.vips)-1]}}
}

// The smallest site has one VIP, so the last VIP is also the random one.
func (z sizes) fewest() site { return site{family: z.family, vips: z.vips[0], profiles: 1} }

func (z sizes) most() site { return site{family: z.family, vips: z.vips[len(z.vips)-1], profiles: 1} }

// ours returns the streams of packets that get a mark.
func ours(s site) []stream {
	if s.vips == 1 {
		return []stream{toLast}
	}
	return []stream{toLast, toRandom}
}

// comparisons returns all figures of the section.
func (z sizes) comparisons() []comparison {
	all := slices.Concat(z.flat(), z.manyProfiles(), z.networks(), z.shardFigures())
	for _, vips := range z.vips {
		s := site{family: z.family, vips: vips, profiles: 1}
		for _, st := range ours(s) {
			all = append(all, besidePeers(cell{lvsmark, s, st})...)
		}
	}
	for _, st := range notOurs() {
		all = append(all, z.foreign(st)...)
	}
	all = append(all, z.firstPackets()...)
	all = append(all, z.keys()...)
	return append(all, z.beside6()...)
}

// beside6 returns the figures of IPv6 without bars: they show the cost of 16-byte
// addresses for each peer.
func (z sizes) beside6() []comparison {
	v4, v6 := cell{lvsmark, z.most(), toRandom}, z.ofIPv6()
	all := []comparison{{name: v4.where() + ": IPv6 to IPv4", of: v4.at(v6.most()), to: v4}}
	all = append(all, v6.flat()...)
	for _, s := range []site{v6.fewest(), v6.most()} {
		streams := ours(s)
		all = append(all, besidePeers(cell{lvsmark, s, streams[len(streams)-1]})...)
	}
	for _, st := range notOurs() {
		all = append(all, toMarked(v6.most(), st))
	}
	all = slices.DeleteFunc(all, func(c comparison) bool { return !c.of.can() || !c.to.can() })
	all = append(all, v6.firstPackets()...)
	for i := range all {
		all[i].bar = measure.Bar{}
	}
	return all
}

// flat returns the figures for the cost of a mark by number of VIPs, which must be
// constant. The BPF hash and a map without tests show the cost of a table that does not
// fit into the first caches.
func (z sizes) flat() []comparison {
	var all []comparison
	for _, p := range []peer{lvsmark, nftMaps, tcFloor} {
		for _, st := range ours(z.most()) {
			f := comparison{
				name: fmt.Sprintf("%s%s, %s: of %s to of %d", z.most().prefix(), p, st, measure.Grouped(z.most().vips), z.fewest().vips),
				of:   cell{p, z.most(), st}, to: cell{p, z.fewest(), toLast},
			}
			if p == lvsmark {
				f.bar = measure.AtMost(1.25)
			}
			if p == lvsmark && st == toRandom && f.of.by(tcFloor).can() {
				f.bar, f.hash = measure.AtMost(randomLimit), &hashCells{random: f.of.by(tcFloor), last: f.of.by(tcFloor).of(toLast)}
			}
			all = append(all, f)
		}
	}
	return all
}

// manyProfiles returns the figures by number of port profiles.
func (z sizes) manyProfiles() []comparison {
	var all []comparison
	add := func(name string, profiles int, one cell, bar measure.Bar) {
		all = append(all, comparison{
			name: fmt.Sprintf("%s%d port profiles to 1, %s", name, profiles, one.where()),
			of:   one.at(site{family: z.family, vips: one.site.vips, profiles: profiles}), to: one, bar: bar,
		})
	}
	few := site{family: z.family, vips: z.ofMany, profiles: 1}
	for _, n := range z.profiles {
		for _, st := range ours(few) {
			add("", n, cell{lvsmark, few, st}, measure.AtMost(1.6))
		}
	}
	most := z.profiles[len(z.profiles)-1]
	add("", most, cell{lvsmark, z.most(), toRandom}, measure.AtMost(1.6))
	add(string(nftMaps)+": ", most, cell{nftMaps, z.most(), toRandom}, measure.Bar{})
	return all
}

// besidePeers compares lvsmark with all others.
func besidePeers(c cell) []comparison {
	bars := map[peer]measure.Bar{nftFloor: measure.AtMost(1.25), ipset: measure.AtMost(1)}
	var all []comparison
	for _, p := range []peer{nftFloor, nftLeast, nftMaps, tcFloor, ipset} {
		all = append(all, comparison{name: c.where() + ": lvsmark to " + string(p), of: c, to: c.by(p), bar: bars[p]})
	}
	cheaper := map[int]measure.Bar{100: measure.AtLeast(2.5), 1000: measure.AtLeast(40), 10000: measure.AtLeast(400)}
	for _, p := range costlyPeers(c.stream) {
		f := comparison{name: c.where() + ": " + string(p) + " to lvsmark", of: c.by(p), to: c}
		if p == recipeLegacy {
			f.bar = cheaper[c.site.vips]
		}
		all = append(all, f)
	}
	return all
}

// firstPackets returns the figures of marks on first packets alone, for all other packets.
func (z sizes) firstPackets() []comparison {
	var all []comparison
	for _, c := range []cell{{lvsmarkFirst, z.fewest(), laterToLast}, {lvsmarkFirst, z.most(), laterToRandom}} {
		bars := map[peer]measure.Bar{lvsmark: measure.AtMost(0.7), ipset: measure.AtMost(0.35), nftFloor: measure.AtMost(0.7)}
		if c.site.vips == 10_000 {
			bars[lvsmark] = measure.AtMost(0.3)
		}
		for _, p := range []peer{lvsmark, nftFloor, ipset} {
			all = append(all, comparison{name: c.where() + ": first-packet to " + string(p), of: c, to: c.by(p), bar: bars[p]})
		}
	}
	return all
}

// costlyPeers returns the peers whose cost grows with the number of VIPs. Peers with the
// same cost for every packet are measured with one stream only.
func costlyPeers(st stream) []peer {
	if st == toRandom {
		return []peer{recipeLegacy, keepalivedMap}
	}
	return []peer{recipeLegacy, recipeNFT, naiveNFT, keepalivedMap}
}

// foreign returns the figures of unmarked packets: compared with marked packets, and
// with other peers.
func (z sizes) foreign(st stream) []comparison {
	var all []comparison
	for _, s := range []site{z.fewest(), z.most()} {
		all = append(all, toMarked(s, st))
	}
	c := cell{lvsmark, z.most(), st}
	all = append(all, comparison{
		name: fmt.Sprintf("%s: %s to %d", st, measure.Count(z.most().vips, "VIP"), z.fewest().vips),
		of:   c, to: c.at(z.fewest()), bar: measure.AtMost(1.25),
	})
	peers := []peer{nftFloor, ipset}
	switch st { // the floor marks these: it does not test the address
	case foreignAddress:
		peers = []peer{nftMaps, ipset}
	case nearAddress:
		peers = []peer{nftMaps, nftLeast, ipset}
	}
	for _, p := range peers {
		all = append(all, comparison{name: fmt.Sprintf("%s, %s: lvsmark to %s", st, measure.Count(z.most().vips, "VIP"), p), of: c, to: c.by(p)})
	}
	return all
}

// toMarked compares an unmarked packet with a marked one.
func toMarked(s site, st stream) comparison {
	streams := ours(s)
	marked := cell{lvsmark, s, streams[len(streams)-1]}
	bar := measure.AtMost(0.6)
	if st == nearAddress { // it passes every test, and one look-up
		bar = measure.AtMost(0.9)
	}
	return comparison{
		name: fmt.Sprintf("%s%s, %s: to a marked packet", s.prefix(), st, measure.Count(s.vips, "VIP")),
		of:   marked.of(st), to: marked, bar: bar,
	}
}

package nft

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// A profile is a set of ports that some clusters have in common, and the VIPs
// of those clusters with their marks. What a packet costs depends on the number
// of profiles that it may meet, never on that of VIPs.
type profile struct {
	name  string // of its map, and of its chain where there is one
	ports []config.PortRange
	vips  []markedVIP // in order
}

// A markedVIP is a VIP with the mark of its packets.
type markedVIP struct {
	vip  netip.Addr
	mark uint32
}

// sharesRange says whether a range of one profile holds ports of the other. A single
// port of both, the control port of FTP, has few packets and does not count.
func (p *profile) sharesRange(other *profile) bool {
	return slices.ContainsFunc(p.ports, func(a config.PortRange) bool {
		return slices.ContainsFunc(other.ports, func(b config.PortRange) bool {
			return a.Overlaps(b) && max(a.Width(), b.Width()) > 1
		})
	})
}

// protocolOf is the protocol of all ports of the profiles; 0 when they have
// several.
func protocolOf(profiles []*profile) config.Protocol {
	only := profiles[0].ports[0].Protocol
	for _, p := range profiles {
		if slices.ContainsFunc(p.ports, func(r config.PortRange) bool { return r.Protocol != only }) {
			return 0
		}
	}
	return only
}

// A shape is the list of profiles that a VIP has: mostly one, more where
// clusters share a VIP.
type shape struct {
	name     string // of its chain
	profiles []*profile
	vips     []netip.Addr
}

// profilesOf collects the profiles of a family, that with the widest range of
// ports first: most packets are of data connections.
func profilesOf(spec *config.Spec, family config.Family) []*profile {
	byName := map[string]*profile{}
	var p *profile
	for _, b := range spec.Bindings(family) {
		if p == nil || !slices.Equal(p.ports, b.Ports) {
			name := portsName(b.Ports)
			if p = byName[name]; p == nil {
				p = &profile{name: name, ports: b.Ports}
				byName[name] = p
			}
		}
		p.vips = slices.Grow(p.vips, len(b.VIPs))
		for _, vip := range b.VIPs {
			p.vips = append(p.vips, markedVIP{vip, b.Mark})
		}
	}
	profiles := make([]*profile, 0, len(byName))
	for _, p := range byName {
		slices.SortFunc(p.vips, func(a, b markedVIP) int { return a.vip.Compare(b.vip) })
		profiles = append(profiles, p)
	}
	slices.SortFunc(profiles, func(a, b *profile) int {
		return cmp.Or(cmp.Compare(b.ports[0].Width(), a.ports[0].Width()), cmp.Compare(a.name, b.name))
	})
	return profiles
}

// shapesOf groups the VIPs by the profiles that they are in.
func shapesOf(profiles []*profile) []*shape {
	ofVIP := map[netip.Addr][]*profile{}
	for _, p := range profiles {
		for _, v := range p.vips {
			ofVIP[v.vip] = append(ofVIP[v.vip], p)
		}
	}
	byName := map[string]*shape{}
	for vip, list := range ofVIP {
		names := make([]string, len(list))
		for i, p := range list {
			names[i] = p.name
		}
		name := shortened(strings.Join(names, "_and_"))
		if byName[name] == nil {
			byName[name] = &shape{name: name, profiles: list}
		}
		byName[name].vips = append(byName[name].vips, vip)
	}
	shapes := make([]*shape, 0, len(byName))
	for _, s := range byName {
		slices.SortFunc(s.vips, netip.Addr.Compare)
		shapes = append(shapes, s)
	}
	slices.SortFunc(shapes, func(a, b *shape) int { return cmp.Compare(a.name, b.name) })
	return shapes
}

// portsName names a profile by its ports, so that a map keeps its name while
// other clusters come and go: tcp_21_10000-20000, tcp_80_443_udp_443.
func portsName(ports []config.PortRange) string {
	sorted := slices.SortedFunc(slices.Values(ports), func(a, b config.PortRange) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low))
	})
	var name strings.Builder
	var protocol config.Protocol
	for _, r := range sorted {
		if r.Protocol != protocol {
			protocol = r.Protocol
			fmt.Fprintf(&name, "_%s", protocol)
		}
		fmt.Fprintf(&name, "_%s", r.Ports())
	}
	return shortened(name.String()[1:])
}

// shortened keeps a name readable: nft allows 255 bytes, a person fewer. The
// digest keeps long names apart.
func shortened(name string) string {
	const limit = 96
	if len(name) <= limit {
		return name
	}
	digest := fnv.New64a()
	digest.Write([]byte(name))
	return fmt.Sprintf("%s_%016x", name[:limit-17], digest.Sum64())
}

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

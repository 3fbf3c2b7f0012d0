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

// A profile is a set of ports and of other conditions that clusters have in common, and the
// VIPs of those clusters with their marks. The cost of a packet depends on the number of
// profiles, not on the number of VIPs.
type profile struct {
	name  string // of its map
	ports []config.PortRange
	only  selection
	vips  []markedVIP // sorted

	networks []markedRange // larger than expandLimit, disjoint, sorted
	shards   []PortMark    // of a sharded cluster, in place of the marks of VIPs
}

// A markedVIP is a VIP with the mark of its packets.
type markedVIP struct {
	vip  netip.Addr
	mark uint32
}

// sharesRange reports whether a port range of one profile overlaps ports of the other. A
// common single port, such as the control port of FTP, has few packets and does not count.
func (p *profile) sharesRange(other *profile) bool {
	return slices.ContainsFunc(p.ports, func(a config.PortRange) bool {
		return slices.ContainsFunc(other.ports, func(b config.PortRange) bool {
			return a.Overlaps(b) && max(a.Width(), b.Width()) > 1
		})
	})
}

// protocolOf returns the protocol of all ports of the profiles; 0 if they have several.
func protocolOf(profiles []*profile) config.Protocol {
	only := profiles[0].ports[0].Protocol
	for _, p := range profiles {
		if slices.ContainsFunc(p.ports, func(r config.PortRange) bool { return r.Protocol != only }) {
			return 0
		}
	}
	return only
}

// A vipGroup is a group of VIPs with the same list of profiles: usually one profile, more if
// clusters share a VIP.
type vipGroup struct {
	name     string // of its chain
	profiles []*profile
	vips     []netip.Addr
	networks []config.AddressRange
}

// profilesOf returns the profiles of a family, the widest port range first: most packets
// belong to data connections.
func profilesOf(spec *config.Spec, family config.Family) []*profile {
	byName := map[string]*profile{}
	var p *profile
	for _, b := range spec.Bindings(family) {
		if b.IsShard {
			p.addBinding(b) // p is of the same cluster
			continue
		}
		if b.Cluster.Sharded() {
			p = &profile{name: shardsName(b.Mark), only: selectionOf(b.Cluster.Only, familyOf(family))}
			p.addBinding(b)
			byName[p.name] = p
		} else if p == nil || p.isSharded() || p.only.name != "" || b.Cluster.Only != nil || !slices.Equal(p.ports, b.Ports) {
			only := selectionOf(b.Cluster.Only, familyOf(family))
			name := profileName(b.Ports, only)
			if p = byName[name]; p == nil {
				p = &profile{name: name, ports: b.Ports, only: only}
				byName[name] = p
			}
		}
		p.vips = slices.Grow(p.vips, len(b.VIPs))
		for _, vips := range b.VIPs {
			if vips.IsSingle() {
				p.vips = append(p.vips, markedVIP{vips.First, b.Mark})
			} else {
				p.networks = append(p.networks, markedRange{vips, b.Mark})
			}
		}
	}
	profiles := make([]*profile, 0, len(byName))
	for _, p := range byName {
		p.expandNetworks()
		slices.SortFunc(p.vips, func(a, b markedVIP) int { return a.vip.Compare(b.vip) })
		profiles = append(profiles, p)
	}
	slices.SortFunc(profiles, func(a, b *profile) int {
		return cmp.Or(cmp.Compare(b.ports[0].Width(), a.ports[0].Width()), cmp.Compare(a.name, b.name))
	})
	return profiles
}

// groupVIPs groups the VIPs and networks by their lists of profiles.
func groupVIPs(profiles []*profile) []*vipGroup {
	ofVIP := map[netip.Addr][]*profile{}
	for _, p := range profiles {
		for _, v := range p.vips {
			ofVIP[v.vip] = append(ofVIP[v.vip], p)
		}
	}
	addNetworkProfiles(ofVIP, profiles)
	byName := map[string]*vipGroup{}
	group := func(list []*profile) *vipGroup {
		names := make([]string, len(list))
		for i, p := range list {
			names[i] = p.name
		}
		name := truncateName(strings.Join(names, "_and_"))
		if byName[name] == nil {
			byName[name] = &vipGroup{name: name, profiles: list}
		}
		return byName[name]
	}
	for vip, list := range ofVIP {
		g := group(list)
		g.vips = append(g.vips, vip)
	}
	eachNetwork(profiles, func(r config.AddressRange, list []*profile) {
		g := group(list)
		g.networks = append(g.networks, r)
	})
	shapes := make([]*vipGroup, 0, len(byName))
	for _, s := range byName {
		slices.SortFunc(s.vips, netip.Addr.Compare)
		shapes = append(shapes, s)
	}
	slices.SortFunc(shapes, func(a, b *vipGroup) int { return cmp.Compare(a.name, b.name) })
	return shapes
}

// allPortsName is not "all", which is a keyword of nft.
const allPortsName = "all_ports"

// profileName names a profile by its ports and conditions: tcp_21_only_0123456789abcdef.
func profileName(ports []config.PortRange, only selection) string {
	name := portsName(ports)
	if only.name == "" {
		return name
	}
	return truncateName(name + "_" + only.name)
}

// portsName names a profile by its ports, so that a map keeps its name if clusters are added
// or removed: tcp_21_10000-20000, tcp_80_443_udp_443.
func portsName(ports []config.PortRange) string {
	if ports[0].IsAll() {
		return allPortsName
	}
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
	return truncateName(name.String()[1:])
}

// truncateName shortens a name to a readable length; nft allows 255 bytes. A digest keeps
// truncated names unique.
func truncateName(name string) string {
	const limit = 96
	if len(name) <= limit {
		return name
	}
	digest := fnv.New64a()
	digest.Write([]byte(name))
	return fmt.Sprintf("%s_%016x", name[:limit-17], digest.Sum64())
}

// network returns the network of all VIPs of the profile.
func (p *profile) network() netip.Prefix {
	all := p.bounds()
	return networkOf(all.First, all.Last)
}

// networkOfAll returns the network of the VIPs of all profiles.
func networkOfAll(profiles []*profile) netip.Prefix {
	all := profiles[0].bounds()
	for _, p := range profiles {
		all = around(all, p.bounds())
	}
	return networkOf(all.First, all.Last)
}

// networkOf returns a network that contains two addresses and all between them; invalid if
// only a very large network does. The kernel compares prefixes of its length at the lowest
// cost, without a mask (nft_payload_fast of net/netfilter/nf_tables_core.c loads 1, 2 or 4
// bytes). It is not the longest common prefix, so that most new VIPs do not change the
// rules.
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

// Clusters with passive shards. A packet to one of their VIPs goes to the chain of the
// cluster, and an interval map there has the mark for its port: one lookup in a hash, then
// one search among the shards, for any number of VIPs. `integration/run bench` compares it
// with other ways.

// shardsName names the map, and the chain, of a sharded cluster by the mark of its control
// ports.
func shardsName(mark uint32) string { return fmt.Sprintf("shards_%d", mark) }

// isSharded reports whether the profile is that of a sharded cluster, which has a map from
// ports to marks in place of maps from VIPs.
func (p *profile) isSharded() bool { return len(p.shards) > 0 }

// addBinding adds the ports of a binding of a sharded cluster.
func (p *profile) addBinding(b config.Binding) {
	for _, r := range b.Ports {
		p.ports = append(p.ports, r)
		p.shards = append(p.shards, PortMark{r, b.Mark})
	}
}

// shardMap returns the map from ports to marks.
func (p *profile) shardMap() *Set {
	m := intervalMap(p.name, "port : fwmark", IPv4, typeMark, 4)
	m.KeyType, m.KeyLen = typeService, 2
	m.setPortMarks(p.shards)
	return m
}

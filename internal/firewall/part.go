package firewall

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// A part is a subset of the packets of a space: those to some classes of addresses, on a
// range of ports of one protocol.
type part struct {
	classes   bitset
	protocol  config.Protocol
	low, high uint16
	later     bool     // not the first packets of their connections
	clusters  *marking // the marks of the clusters; nil for Marks
	mark      *marking // the current mark

	// accepted are the conditions under which an earlier rule of the base chain has
	// accepted the packets, sorted.
	accepted []string
}

// A marking is the marks of packets by class.
type marking struct {
	unknown bool
	lost    bool     // unknown because a rule set a mark other than the cluster's
	now     *marking // which mark that is, in walk.lost; nil: not followed
	all     uint32   // the mark of every class, if byClass is nil
	byClass []uint32 // host byte order
}

func (m *marking) of(class int) uint32 {
	if m.byClass == nil {
		return m.all
	}
	return m.byClass[class]
}

// same returns the mark of the classes; false: they have several, or an unknown one.
func (m *marking) same(classes bitset) (mark uint32, _ bool) {
	if m.unknown || m.byClass == nil {
		return m.all, !m.unknown
	}
	first := true
	for class := range classes.each {
		if !first && m.byClass[class] != mark {
			return 0, false
		}
		mark, first = m.byClass[class], false
	}
	return mark, true
}

// equal reports whether the marks are the same, as far as it can tell without comparing
// all classes.
func (m *marking) equal(other *marking) bool {
	return m == other || m.unknown && other.unknown && m.lost == other.lost && m.now == other.now ||
		!m.unknown && !other.unknown && m.byClass == nil && other.byClass == nil && m.all == other.all
}

func markBytes(mark uint32) []byte { return binary.NativeEndian.AppendUint32(nil, mark) }

func hostOrdered(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

// partsOf returns the space of a flow's packets in the family, divided into parts.
// Clusters with the same ports share parts.
func partsOf(f flow, spec *config.Spec, family nft.Family, t Tracking) (*space, []part) {
	ends := f.ends(spec.Bindings(specFamily(family)), t)
	s := newSpace(family, nil)
	s.flow, s.tracking = f, t
	s.firstOnly = spec.Director.Marks == config.FirstPacket
	var known []config.AddressRange
	for _, b := range ends {
		known = append(known, b.VIPs...)
		s.ports = append(s.ports, b.Ports...)
	}
	if f.untranslated() {
		s.translations = translationsOf(ends)
	} else if f == toVIP || f == toServer {
		s.translations = sourceNATsOf(ends)
	}
	s.translates = func() bool { return translatesAny(spec, family, t) }
	s.keepMarks = spec.Director.KeepMarks
	slices.SortFunc(s.ports, comparePorts)
	s.ports = slices.Compact(s.ports)
	s.setRanges(known)
	var parts []part
	var shared *clusterMarks
	for _, p := range profilesOf(ends) {
		classes := s.classesOf(p)
		if shared == nil || shared.overlap(classes) {
			shared = &clusterMarks{taken: newBitset(s.count), marks: &marking{byClass: make([]uint32, s.count)}}
		}
		shared.add(s, p, classes)
		for _, r := range p[0].Ports {
			first := part{classes: classes, protocol: r.Protocol, low: r.Low, high: r.High, clusters: shared.marks}
			parts = append(parts, first)
			if r.Protocol == config.TCP {
				first.later = true
				parts = append(parts, first)
			}
		}
	}
	return s, parts
}

// clusterMarks are the marks of clusters that have no VIP in common. They share a
// marking, because there may be thousands of clusters and VIPs.
type clusterMarks struct {
	taken bitset
	marks *marking
}

func (m *clusterMarks) overlap(classes bitset) bool { return !m.taken.and(classes).empty() }

func (m *clusterMarks) add(s *space, profile []config.Binding, classes bitset) {
	m.taken = m.taken.or(classes)
	for _, r := range markedRanges(profile) {
		first, end := s.classesIn(r.AddressRange)
		for class := first; class < end; class++ {
			m.marks.byClass[class] = r.mark
		}
	}
}

// A markedRange is VIPs of a cluster.
type markedRange struct {
	config.AddressRange
	mark uint32
}

// markedRanges returns the VIPs of the bindings with their marks. Of nested ranges, the
// smallest is last: its mark is that of its packets.
func markedRanges(bindings []config.Binding) []markedRange {
	var list []markedRange
	nested := false
	for _, b := range bindings {
		for _, vips := range b.VIPs {
			list = append(list, markedRange{vips, b.Mark})
			nested = nested || !vips.IsSingle()
		}
	}
	if nested {
		slices.SortStableFunc(list, func(a, b markedRange) int { return cmp.Compare(b.Count(), a.Count()) })
	}
	return list
}

func (s *space) classesOf(profile []config.Binding) bitset {
	classes := newBitset(s.count)
	for _, b := range profile {
		for _, vips := range b.VIPs {
			first, end := s.classesIn(vips)
			for class := first; class < end; class++ {
				classes.set(class)
			}
		}
	}
	return classes
}

// profilesOf groups bindings by their ports, with a group for each binding with only.
func profilesOf(bindings []config.Binding) [][]config.Binding {
	var profiles [][]config.Binding
	index := map[string]int{}
	for _, b := range bindings {
		var key []byte
		for _, r := range b.Ports {
			key = append(key, byte(r.Protocol), byte(r.Low>>8), byte(r.Low), byte(r.High>>8), byte(r.High))
		}
		if b.Cluster.Only != nil { // another cluster may have the same VIPs and ports
			key = append(key, markBytes(b.Mark)...)
		}
		i, known := index[string(key)]
		if !known {
			i = len(profiles)
			index[string(key)], profiles = i, append(profiles, nil)
		}
		profiles[i] = append(profiles[i], b)
	}
	return profiles
}

func comparePorts(a, b config.PortRange) int {
	return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low), cmp.Compare(a.High, b.High))
}

// specFamily returns the spec's name of an address family.
func specFamily(f nft.Family) config.Family {
	if f == nft.IPv4 {
		return config.IPv4
	}
	return config.IPv6
}

// minus returns the packets of p that are not in other.
func (p part) minus(other part) []part {
	low, high := max(p.low, other.low), min(p.high, other.high)
	if p.protocol != other.protocol || p.later != other.later || low > high {
		return []part{p}
	}
	common := p.classes.and(other.classes)
	if common.empty() {
		return []part{p}
	}
	var left []part
	if rest := p.classes.without(other.classes); !rest.empty() {
		left = append(left, p.withClasses(rest))
	}
	if p.low < low {
		left = append(left, p.withClasses(common).withPorts(p.low, low-1))
	}
	if p.high > high {
		left = append(left, p.withClasses(common).withPorts(high+1, p.high))
	}
	return left
}

func (p part) overlaps(other part) bool {
	return p.protocol == other.protocol && p.later == other.later && max(p.low, other.low) <= min(p.high, other.high) && !p.classes.and(other.classes).empty()
}

func (p part) equal(other part) bool {
	return p.clusters == other.clusters && p.protocol == other.protocol && p.later == other.later && p.low == other.low && p.high == other.high &&
		p.mark.equal(other.mark) && slices.Equal(p.classes, other.classes) && slices.Equal(p.accepted, other.accepted)
}

func (p part) withClasses(classes bitset) part { p.classes = classes; return p }

func (p part) withPorts(low, high uint16) part { p.low, p.high = low, high; return p }

// within returns the part limited to the classes, or nothing if it has none of them.
func (p part) within(classes bitset) []part {
	if p = p.withClasses(p.classes.and(classes)); p.classes.empty() {
		return nil
	}
	return []part{p}
}

func withoutParts(from, removed []part) []part {
	for _, r := range removed {
		var left []part
		for _, p := range from {
			left = append(left, p.minus(r)...)
		}
		from = left
	}
	return from
}

// maxRemarked bounds the parts that are followed from one base chain to the next.
const maxRemarked = 64

// mergedParts joins parts that differ in their addresses only. Of too many parts it returns
// fewer ones that contain them, with unknown marks.
func mergedParts(parts []part) []part {
	merged := joinParts(parts, func(a, b part) bool { return a.low == b.low && a.high == b.high && a.mark.equal(b.mark) })
	if len(merged) <= maxRemarked {
		return merged
	}
	return joinParts(forgetLost(merged), func(part, part) bool { return true })
}

// joinParts joins parts of a protocol that are the same.
func joinParts(parts []part, same func(a, b part) bool) (joined []part) {
	for _, p := range parts {
		i := slices.IndexFunc(joined, func(j part) bool {
			return j.clusters == p.clusters && j.protocol == p.protocol && j.later == p.later && same(j, p)
		})
		if i < 0 {
			joined = append(joined, p)
			continue
		}
		j := &joined[i]
		j.classes, j.low, j.high = j.classes.or(p.classes), min(j.low, p.low), max(j.high, p.high)
	}
	return joined
}

// anyLost is another mark than the cluster's that is not followed.
var anyLost = &marking{unknown: true, lost: true}

// forgetLost returns the parts with unknown marks in place of those that are followed.
func forgetLost(parts []part) []part {
	list := slices.Clone(parts)
	for i := range list {
		list[i].mark = anyLost
	}
	return list
}

// forgetWhereChanged is forgetLost for packets that a rule may have given another mark,
// depending on conditions.
func forgetWhereChanged(parts, changed []part) []part {
	cloned := false
	for i, p := range parts {
		if p.clusters == nil || p.mark.now == nil || !slices.ContainsFunc(changed, func(c part) bool { return !c.mark.equal(p.mark) && c.overlaps(p) }) {
			continue
		}
		if !cloned {
			parts, cloned = slices.Clone(parts), true
		}
		parts[i].mark = anyLost
	}
	return parts
}

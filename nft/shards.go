package nft

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
)

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

// setPortMarks sets the elements of the map from disjoint ports to marks. It sorts the list.
func (s *Set) setPortMarks(list []PortMark) {
	slices.SortFunc(list, func(a, b PortMark) int { return cmp.Compare(a.Low, b.Low) })
	s.Elements = []Element{{Key: intervalEndKey(portBytes(0))}}
	for _, p := range list {
		s.Elements = append(s.Elements, Element{Key: elementKey(portBytes(p.Low)), Rest: valueRest(markBytes(p.Mark))})
		if p.High < 65535 {
			s.Elements = append(s.Elements, Element{Key: intervalEndKey(portBytes(p.High + 1))})
		}
	}
}

// mergePorts returns the map with the entries that only the other one has; false if ports
// have different marks in the two.
func (s *Set) mergePorts(old *Set) (*Set, bool) {
	list := s.PortMarks()
	for _, p := range old.PortMarks() {
		if slices.Contains(list, p) {
			continue
		}
		if slices.ContainsFunc(list, func(other PortMark) bool { return other.Overlaps(p.PortRange) }) {
			return nil, false
		}
		list = append(list, p)
	}
	merged := *s
	merged.setPortMarks(list)
	return &merged, true
}

func portBytes(port uint16) []byte { return binary.BigEndian.AppendUint16(nil, port) }

// isPortMap reports whether the set is a map from ports to marks.
func (s *Set) isPortMap() bool {
	return s.isMap() && s.KeyType == typeService && s.KeyLen == 2 && s.DataType == typeMark
}

// allTCPPorts are the ports of the rule that looks up a port in a map.
func allTCPPorts() config.PortRange {
	return config.PortRange{Protocol: config.TCP, Low: 0, High: 65535}
}

// portMark sets the mark to the map's value for the destination port.
func (b *ruleBuilder) portMark(portMap string) *ruleBuilder {
	return b.add(&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}).lookup(portMap).setMark()
}

// A PortMarkRule sets the mark of packets to a map's value for their TCP port.
type PortMarkRule struct {
	Ports   *Set // see PortMarks
	Accepts bool // marked packets leave the chain
	Only    Selection
}

// PortMarkRule decodes a rule of the table; false if it is not a PortMarkRule.
func (t *Table) PortMarkRule(r *Rule) (PortMarkRule, bool) {
	steps := t.steps(r)
	accepts := len(steps) == 2 && len(steps[1].conditions) == 0 && steps[1].statement == accepting
	if len(steps) != 1 && !accepts {
		return PortMarkRule{}, false
	}
	port := packetBytes(expr.PayloadBaseTransportHeader, destinationPort, 2)
	rest := steps[0].cloneConditions()
	set, ok := rest.takeSet(t, port)
	if !ok || !set.isPortMap() || steps[0].statement != markStatement(set, port) || !rest.take(hasTransportHeader) {
		return PortMarkRule{}, false
	}
	rest.takeProtocol(config.TCP, false)
	only, ok := rest.takeSelection(t)
	return PortMarkRule{set, accepts, only}, ok && len(rest) == 0
}

// A PortMark is an entry of a map from ports to marks.
type PortMark struct {
	config.PortRange
	Mark uint32 // host byte order
}

// PortMarks returns the entries of a map from TCP ports to marks, sorted; none if the set is
// not such a map.
func (s *Set) PortMarks() []PortMark {
	if !s.isPortMap() {
		return nil
	}
	var list []PortMark
	for _, e := range s.ranges() {
		if p, ok := e.portMark(); ok {
			list = append(list, p)
		}
	}
	return list
}

func (e elementRange) portMark() (PortMark, bool) {
	last := cmp.Or(e.last, e.key)
	if len(e.key) != 2 || len(last) != 2 || len(e.data) != 4 {
		return PortMark{}, false
	}
	return PortMark{config.PortRange{
		Protocol: config.TCP, Low: binary.BigEndian.Uint16([]byte(e.key)), High: binary.BigEndian.Uint16([]byte(last)),
	}, hostOrdered(e.data)}, true
}

// PortMark returns the interval as an entry of a map from ports to marks; false if its set is
// not such a map.
func (o Object) PortMark() (PortMark, bool) {
	if o.Interval == nil || o.Set == nil || !o.Set.isPortMap() {
		return PortMark{}, false
	}
	return o.Interval.other.portMark()
}

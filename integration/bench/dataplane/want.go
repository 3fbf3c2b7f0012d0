package dataplane

import (
	"maps"

	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// want returns packets of all streams with the marks that the peer must set.
func (p peer) want(s site) map[equivalence.Packet]uint32 {
	draws := 1024
	if p.linear() {
		draws = linearDraws
	}
	marks := map[equivalence.Packet]uint32{}
	for _, st := range notOurs() {
		for _, packet := range st.list(s, draws) {
			marks[packet] = p.foreignMark(s, st, packet)
		}
	}
	maps.Copy(marks, p.wantOurs(s))
	return marks
}

// foreignMark returns the mark that the peer sets on a foreign packet.
func (p peer) foreignMark(s site, st stream, packet equivalence.Packet) uint32 {
	switch {
	case p.knowsNoVIP() && (st == foreignAddress || st == nearAddress):
		return floorMark
	case p.knowsNoPort() && (st == foreignPort || st == udp):
		return s.markOf(packet.To)
	}
	return 0
}

// wantOurs returns the packets of all VIPs with their marks or, for linear peers, of
// some VIPs.
func (p peer) wantOurs(s site) map[equivalence.Packet]uint32 {
	marks := s.marks()
	if p.linear() {
		some := map[equivalence.Packet]uint32{s.data(s.vips - 1): marks[s.data(s.vips-1)]}
		for _, packet := range toRandom.list(s, linearDraws) {
			some[packet] = marks[packet]
		}
		return some
	}
	if p.knowsNoVIP() {
		for packet := range marks {
			marks[packet] = floorMark
		}
	}
	return marks
}

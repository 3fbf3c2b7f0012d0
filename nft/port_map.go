package nft

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// isPortMap reports whether the set is a map from ports to marks.
func (s *Set) isPortMap() bool {
	return s.isMap() && s.KeyType == typeService && s.KeyLen == 2 && s.DataType == typeMark
}

func portBytes(port uint16) []byte { return binary.BigEndian.AppendUint16(nil, port) }

// A PortMark is an entry of a map from ports to marks.
type PortMark struct {
	config.PortRange
	Mark uint32 // host byte order
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

package nft

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// A VIPMap is a map from VIPs to marks, or a verdict map from VIPs to chains. The
// zero value has no entries.
type VIPMap struct{ elements []Element } // in the order of their keys

// A VIPEntry is what a VIPMap has for one VIP.
type VIPEntry struct {
	VIP   netip.Addr
	Mark  uint32 // host byte order; 0 in a verdict map
	Chain string // empty in a map of marks
}

// VIPMap is the set as a map from VIPs; false: it is none.
func (s *Set) VIPMap() (VIPMap, bool) {
	if !s.hasVIPs() {
		return VIPMap{}, false
	}
	return VIPMap{s.sorted(s.Elements)}, true
}

func (s *Set) hasVIPs() bool {
	return s.isMap() && !s.isInterval() && (s.KeyType == typeIPv4 || s.KeyType == typeIPv6) &&
		(s.DataType == typeMark || s.DataType == typeVerdict)
}

// Find returns the entry of a VIP; false: there is none.
func (m VIPMap) Find(vip netip.Addr) (VIPEntry, bool) {
	key := elementKey(vip.AsSlice())
	i, ok := slices.BinarySearchFunc(m.elements, key, func(e Element, key string) int { return strings.Compare(e.Key, key) })
	if !ok {
		return VIPEntry{}, false
	}
	return m.elements[i].vipEntry()
}

// All yields the entries in the order of the VIPs.
func (m VIPMap) All() iter.Seq[VIPEntry] {
	return func(yield func(VIPEntry) bool) {
		for _, e := range m.elements {
			if entry, ok := e.vipEntry(); ok && !yield(entry) {
				return
			}
		}
	}
}

// VIPEntry is the element as one of a VIPMap; false: its set is none.
func (o Object) VIPEntry() (VIPEntry, bool) {
	if o.Element == nil || !o.Set.hasVIPs() {
		return VIPEntry{}, false
	}
	return o.Element.vipEntry()
}

func (e Element) vipEntry() (VIPEntry, bool) {
	p := e.parts()
	vip, ok := addrOf(p.key)
	entry := VIPEntry{VIP: vip, Chain: p.chain}
	if len(p.data) == 4 {
		entry.Mark = hostOrdered(p.data)
	}
	return entry, ok && !p.end && (len(p.data) == 4 || p.isVerdict)
}

// AddressRanges are the addresses of the set, one range for each element or
// interval. Sets whose keys are not addresses have none.
func (s *Set) AddressRanges() []AddressRange {
	var list []AddressRange
	for i, e := range s.Elements {
		p := e.parts()
		first, ok := addrOf(p.key)
		if !ok || p.end {
			continue
		}
		last := first
		if s.isInterval() {
			last = s.lastOf(i, first)
		}
		list = append(list, AddressRange{first, last})
	}
	return list
}

// AddressRange is the addresses of an element; invalid where the object
// is no element, or its key no address.
func (o Object) AddressRange() AddressRange {
	if o.Interval != nil {
		return o.Interval.AddressRange
	}
	if o.Element == nil {
		return AddressRange{}
	}
	address, _ := addrOf(o.Element.parts().key)
	return AddressRange{address, address}
}

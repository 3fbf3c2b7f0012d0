package nft

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// A VIPMap is a map from VIPs to marks, or a verdict map from VIPs to chains. The zero value
// is empty.
type VIPMap struct{ elements []Element } // sorted by key

// A VIPEntry is an entry of a map from VIPs: of one VIP, or of a network.
type VIPEntry struct {
	config.AddressRange
	Mark  uint32 // host byte order; 0 in a verdict map
	Chain string // empty in a map of marks
}

// VIPMap returns the set as a map from VIPs; false if it is not such a map.
func (s *Set) VIPMap() (VIPMap, bool) {
	if !s.hasVIPs() || s.isInterval() {
		return VIPMap{}, false
	}
	return VIPMap{s.sorted(s.Elements)}, true
}

func (s *Set) hasVIPs() bool {
	return s.isMap() && (s.KeyType == typeIPv4 || s.KeyType == typeIPv6) &&
		(s.DataType == typeMark || s.DataType == typeVerdict)
}

// VIPNetworks returns the entries of a map from networks of VIPs, which are disjoint, sorted;
// none if the set is not such a map.
func (s *Set) VIPNetworks() []VIPEntry {
	if !s.hasVIPs() || !s.isInterval() {
		return nil
	}
	var list []VIPEntry
	for _, interval := range s.intervals() {
		if entry, ok := interval.start.vipEntry(); ok {
			entry.AddressRange = interval.AddressRange
			list = append(list, entry)
		}
	}
	slices.SortFunc(list, func(a, b VIPEntry) int { return a.First.Compare(b.First) })
	return list
}

// Find returns the entry of a VIP; false if there is none.
func (m VIPMap) Find(vip netip.Addr) (VIPEntry, bool) {
	key := elementKey(vip.AsSlice())
	i, ok := slices.BinarySearchFunc(m.elements, key, func(e Element, key string) int { return strings.Compare(e.Key, key) })
	if !ok {
		return VIPEntry{}, false
	}
	return m.elements[i].vipEntry()
}

// To returns the entries of a verdict map that go to a chain.
func (m VIPMap) To(chain string) VIPMap {
	return VIPMap{slices.DeleteFunc(slices.Clone(m.elements), func(e Element) bool { return e.parts().chain != chain })}
}

// IsEmpty reports whether the map has no entry.
func (m VIPMap) IsEmpty() bool { return len(m.elements) == 0 }

// All yields the entries sorted by VIP.
func (m VIPMap) All() iter.Seq[VIPEntry] {
	return func(yield func(VIPEntry) bool) {
		for _, e := range m.elements {
			if entry, ok := e.vipEntry(); ok && !yield(entry) {
				return
			}
		}
	}
}

// VIPEntry returns the element or interval as an entry of a map from VIPs; false if its set
// is not such a map.
func (o Object) VIPEntry() (VIPEntry, bool) {
	switch {
	case !o.IsElement() || !o.Set.hasVIPs():
		return VIPEntry{}, false
	case o.Interval == nil:
		return o.Element.vipEntry()
	}
	entry, ok := o.Interval.start.vipEntry()
	entry.AddressRange = o.Interval.AddressRange
	return entry, ok
}

func (e Element) vipEntry() (VIPEntry, bool) {
	p := e.parts()
	vip, ok := addrOf(p.key)
	entry := VIPEntry{AddressRange: config.SingleAddress(vip), Chain: p.chain}
	if len(p.data) == 4 {
		entry.Mark = hostOrdered(p.data)
	}
	return entry, ok && !p.end && (len(p.data) == 4 || p.isVerdict)
}

// AddressRanges returns the addresses of the set, a range for each element or interval;
// none if its keys are not addresses.
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
		list = append(list, AddressRange{First: first, Last: last})
	}
	return list
}

// AddressRange returns the addresses of an element; invalid if the object is not an element
// or its key is not an address.
func (o Object) AddressRange() AddressRange {
	if o.Interval != nil {
		return o.Interval.AddressRange
	}
	if o.Element == nil {
		return AddressRange{}
	}
	address, _ := addrOf(o.Element.parts().key)
	return config.SingleAddress(address)
}

// MarkKey returns the mark that an element of a set of marks has; false if the object is
// not one.
func (o Object) MarkKey() (uint32, bool) {
	if o.Element == nil || o.Set.KeyType != typeMark || isLedgerSet(o.Set.Name) {
		return 0, false
	}
	key := o.Element.parts().key
	if len(key) != 4 {
		return 0, false
	}
	return hostOrdered(key), true
}

// MarkKeys returns the marks of the set, in host byte order; none if its keys are not marks.
func (s *Set) MarkKeys() []uint32 {
	if s.KeyType != typeMark || s.KeyLen != 4 {
		return nil
	}
	marks := make([]uint32, 0, len(s.Elements))
	for _, e := range s.Elements {
		if key := e.parts().key; len(key) == 4 {
			marks = append(marks, hostOrdered(key))
		}
	}
	return marks
}

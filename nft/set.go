package nft

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

func hashMap(name, comment string, family Family, dataType, dataLen uint32) *Set {
	return &Set{
		Name: name, Comment: comment, Flags: unix.NFT_SET_MAP,
		KeyType: addrType(family), KeyLen: addrLen(family),
		DataType: dataType, DataLen: dataLen, DataHost: hostOrder(dataType),
	}
}

// sizeFor returns the size of a map for n elements. The kernel derives the number of
// buckets from the size, refuses elements beyond it and cannot change it. So the size
// allows for twice as many elements, and for at least 1024.
func sizeFor(n int) uint32 {
	size := uint32(1024)
	for int(size) < 2*n {
		size *= 2
	}
	return size
}

// sourceSet returns a hash set if all sources are single addresses, else a set of
// intervals.
func sourceSet(family Family, name, comment string, sources []netip.Prefix) *Set {
	s := &Set{Name: name, Comment: comment, KeyType: addrType(family), KeyLen: addrLen(family)}
	s.addSources(withoutNested(sources), func(netip.Prefix) string { return "" })
	return s
}

func (s *Set) addSources(sources []netip.Prefix, rest func(netip.Prefix) string) {
	if slices.ContainsFunc(sources, func(p netip.Prefix) bool { return !p.IsSingleIP() }) {
		s.Flags |= unix.NFT_SET_INTERVAL
		ranges := make([]AddressRange, len(sources))
		for i, p := range sources {
			ranges[i] = config.RangeOfPrefix(p)
		}
		s.Elements = intervalElements(ranges, func(i int) string { return rest(sources[i]) })
		return
	}
	s.Size = sizeFor(len(sources))
	for _, p := range sources {
		s.Elements = append(s.Elements, Element{Key: elementKey(p.Addr().AsSlice()), Rest: rest(p)})
	}
}

// withoutNested removes the networks inside another one and sorts the argument: the kernel
// refuses overlapping intervals. config refuses a spec in which such networks have
// different translations.
func withoutNested(prefixes []netip.Prefix) []netip.Prefix {
	slices.SortFunc(prefixes, netip.Prefix.Compare)
	kept := make([]netip.Prefix, 0, len(prefixes))
	for _, p := range prefixes {
		if n := len(kept); n == 0 || !kept[n-1].Overlaps(p) {
			kept = append(kept, p)
		}
	}
	return kept
}

// intervalElements returns the elements of sorted ranges in a set of intervals, as nft does:
// the first address of each, an end after its last address, and an end at zero. rest gets
// the index of a range.
func intervalElements(ranges []AddressRange, rest func(int) string) []Element {
	var elements []Element
	if first := ranges[0].First; !first.IsUnspecified() {
		zero := make([]byte, first.BitLen()/8)
		elements = append(elements, Element{Key: intervalEndKey(zero)})
	}
	for i, r := range ranges {
		elements = append(elements, Element{Key: elementKey(r.First.AsSlice()), Rest: rest(i)})
		if next := r.Last.Next(); next.IsValid() {
			elements = append(elements, Element{Key: intervalEndKey(next.AsSlice())})
		}
	}
	return elements
}

// ObjectKind returns the kind of the stateful objects in a map, as ObjectKind does; empty: the
// set is no map of objects.
func (s *Set) ObjectKind() string {
	const objectType = 15 // NFTA_SET_OBJ_TYPE
	for _, a := range s.rest {
		if a.Type == objectType {
			return ObjectKind(attribute{data: a.Data}.uint32())
		}
	}
	return ""
}

// RangesArePairs reports whether an interval of the set is two elements: one with its first
// key, and one with EndsRange after its last key. In other sets of intervals, an element
// has both keys.
func (s *Set) RangesArePairs() bool {
	const concatenation = 0x80 // NFT_SET_CONCAT
	return s.isInterval() && s.Flags&concatenation == 0
}

// IsDynamic reports whether rules add elements to the set.
func (s *Set) IsDynamic() bool { return s.Flags&unix.NFT_SET_EVAL != 0 }

// Expires reports whether the kernel deletes elements of the set after a time, if they have no
// other one (NFTA_SET_TIMEOUT).
func (s *Set) Expires() bool {
	return slices.ContainsFunc(s.rest, func(a netlink.Attribute) bool {
		return a.Type&^netlink.AttributeFlags == unix.NFTA_SET_TIMEOUT && isTime(string(a.Data))
	})
}

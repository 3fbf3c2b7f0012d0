package nft

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
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

package nft

import (
	"cmp"
	"net/netip"
	"slices"
)

// A sourceRange are addresses whose active data from one port gets another
// source.
type sourceRange struct {
	port        uint16
	first, last netip.Addr
}

// A sourceIndex finds the range that holds another: those of each port by their
// first address, each with the last address of any up to it.
type sourceIndex map[uint16][]sourceRange

func indexSources(ranges []sourceRange) sourceIndex {
	x := sourceIndex{}
	for _, s := range ranges {
		x[s.port] = append(x[s.port], s)
	}
	for _, list := range x {
		slices.SortFunc(list, func(a, b sourceRange) int { return cmp.Or(a.first.Compare(b.first), a.last.Compare(b.last)) })
		for i := 1; i < len(list); i++ {
			if list[i].last.Less(list[i-1].last) {
				list[i].last = list[i-1].last
			}
		}
	}
	return x
}

// holds reports whether one range holds all of s.
func (x sourceIndex) holds(s sourceRange) bool {
	list := x[s.port]
	next, _ := slices.BinarySearchFunc(list, s.first, func(r sourceRange, first netip.Addr) int {
		return cmp.Or(r.first.Compare(first), -1)
	})
	return next > 0 && !list[next-1].last.Less(s.last)
}

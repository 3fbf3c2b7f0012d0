package impact

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/nft"
)

// A sourceRange is a range of addresses whose active data connections from the port get
// another source address.
type sourceRange struct {
	port uint16
	nft.AddressRange
}

// A sourceIndex finds out whether a range contains another. It has the ranges of each port
// sorted by first address. Last of each is the highest last address up to it.
type sourceIndex map[uint16][]sourceRange

func indexSources(ranges []sourceRange) sourceIndex {
	x := sourceIndex{}
	for _, s := range ranges {
		x[s.port] = append(x[s.port], s)
	}
	for _, list := range x {
		slices.SortFunc(list, func(a, b sourceRange) int { return cmp.Or(a.First.Compare(b.First), a.Last.Compare(b.Last)) })
		for i := 1; i < len(list); i++ {
			if list[i].Last.Less(list[i-1].Last) {
				list[i].Last = list[i-1].Last
			}
		}
	}
	return x
}

// holds reports whether one range contains s.
func (x sourceIndex) holds(s sourceRange) bool {
	list := x[s.port]
	next, _ := slices.BinarySearchFunc(list, s.First, func(r sourceRange, first netip.Addr) int {
		return cmp.Or(r.First.Compare(first), -1)
	})
	return next > 0 && !list[next-1].Last.Less(s.Last)
}

package impact

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/nft"
)

// TestSourceIndex compares the index with a linear search, for ranges that overlap or
// contain each other, of both families and several ports.
func TestSourceIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	random := func() sourceRange {
		base := netip.MustParseAddr("10.0.0.0").As4()
		low, high := byte(r.IntN(40)), byte(r.IntN(40))
		if low > high {
			low, high = high, low
		}
		first, last := base, base
		first[3], last[3] = low, high
		s := sourceRange{uint16(20 + r.IntN(2)), nft.AddressRange{First: netip.AddrFrom4(first), Last: netip.AddrFrom4(last)}}
		if r.IntN(3) == 0 {
			s.First, s.Last = netip.AddrFrom16([16]byte{0: 0xfd, 15: low}), netip.AddrFrom16([16]byte{0: 0xfd, 15: high})
		}
		return s
	}
	contained := 0
	for range 2000 {
		ranges := make([]sourceRange, r.IntN(12))
		for i := range ranges {
			ranges[i] = random()
		}
		s := random()
		want := slices.ContainsFunc(ranges, func(o sourceRange) bool {
			return o.port == s.port && o.First.Is4() == s.First.Is4() && !s.First.Less(o.First) && !o.Last.Less(s.Last)
		})
		assert.Equal(t, want, indexSources(ranges).holds(s), "%v in %v", s, ranges)
		if want {
			contained++
		}
	}
	assert.Greater(t, contained, 100)
	assert.Less(t, contained, 1900)
}

package config

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func rangeOf(first, last string) AddressRange {
	return AddressRange{netip.MustParseAddr(first), netip.MustParseAddr(last)}
}

func TestAddressRange(t *testing.T) {
	for _, c := range []struct {
		AddressRange
		text     string
		count    uint64
		prefixes int
	}{
		{rangeOf("198.51.100.21", "198.51.100.21"), "198.51.100.21", 1, 1},
		{rangeOf("198.51.100.32", "198.51.100.47"), "198.51.100.32/28", 16, 1},
		{rangeOf("198.51.100.64", "198.51.100.80"), "198.51.100.64-198.51.100.80", 17, 2},
		{rangeOf("198.51.100.1", "198.51.100.6"), "198.51.100.1-198.51.100.6", 6, 4},
		{rangeOf("192.0.0.0", "255.255.255.255"), "192.0.0.0/2", 1 << 30, 1},
		{rangeOf("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"), "2001:db8::/64", math.MaxUint64, 1},
		{rangeOf("2001:db8::ffff:ffff:ffff:fffe", "2001:db8:0:1::1"), "2001:db8::ffff:ffff:ffff:fffe-2001:db8:0:1::1", 4, 2},
		{rangeOf("2001:db8::", "2001:db8:1::"), "2001:db8::-2001:db8:1::", math.MaxUint64, 2},
	} {
		assert.Equal(t, c.text, c.String())
		assert.Equal(t, c.count, c.Count(), c.text)
		prefixes := c.Prefixes()
		assert.Len(t, prefixes, c.prefixes, c.text)
		next := c.First
		for _, p := range prefixes {
			assert.Equal(t, next, p.Addr(), "%s: no gap", c.text)
			next = RangeOfPrefix(p).Last.Next()
		}
		assert.Equal(t, c.Last.Next(), next, c.text)
	}
}

// TestDisjoint compares nested random ranges with the smallest range of each address.
func TestDisjoint(t *testing.T) {
	type owned struct {
		AddressRange
		owner int
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		taken := map[AddressRange]bool{}
		var list []owned
		for i := range 1 + random.IntN(12) {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, byte(random.IntN(256))}), 24+random.IntN(9)).Masked()
			if r := RangeOfPrefix(p); !taken[r] {
				taken[r] = true
				list = append(list, owned{r, i})
			}
		}
		parts := Disjoint(append([]owned(nil), list...), func(o *owned) *AddressRange { return &o.AddressRange })
		for i := 1; i < len(parts); i++ {
			require.True(t, parts[i-1].Last.Less(parts[i].First), "%v of %v", parts, list)
		}
		for last := range 256 {
			a := netip.AddrFrom4([4]byte{255, 255, 255, byte(last)})
			require.Equal(t, smallest(list, a, func(o owned) (AddressRange, int) { return o.AddressRange, o.owner }),
				smallest(parts, a, func(o owned) (AddressRange, int) { return o.AddressRange, o.owner }), "%s of %v", a, list)
		}
	}
}

func smallest[T any](list []T, a netip.Addr, of func(T) (AddressRange, int)) int {
	owner, count := -1, uint64(math.MaxUint64)
	for _, entry := range list {
		if r, o := of(entry); r.Contains(a) && r.Count() < count {
			owner, count = o, r.Count()
		}
	}
	return owner
}

// TestNestedVIPs: VIPs may be within those of another cluster that has the same ports.
func TestNestedVIPs(t *testing.T) {
	spec, notes := parseValid(t, `clusters:
  - {name: a, mark: 1, vips: [192.0.2.0/24], ports: [80], real-servers: [{address: 10.0.0.1}]}
  - {name: b, mark: 2, vips: [192.0.2.7, 192.0.2.16-192.0.2.40], ports: [80], real-servers: [{address: 10.0.0.2}]}
  - {name: c, mark: 3, vips: [192.0.2.100-192.0.3.5], ports: [443], real-servers: [{address: 10.0.0.2}]}
`)
	assert.Equal(t, []string{`f:3:31: VIP 192.0.2.7 is within 192.0.2.0/24 of cluster "a" (line 2): its packets get the mark of the smaller range`}, notes)
	assert.Equal(t, []AddressRange{rangeOf("192.0.2.7", "192.0.2.7"), rangeOf("192.0.2.16", "192.0.2.40")}, spec.Clusters[1].VIPsOf(IPv4))
}

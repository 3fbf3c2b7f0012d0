package ipvs

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// appendStatistics appends statistics of 64 bits as ip_vs_genl_fill_stats64 does: ten numbers,
// each after an empty attribute that aligns it (IPVS_STATS_ATTR_PAD, 11).
func appendStatistics(b []byte, typ uint16, first uint64) []byte {
	return netlink.AppendNested(b, typ, func(b []byte) []byte {
		for i := range uint16(10) {
			b = netlink.AppendAttribute(b, 11, []byte(nil))
			b = netlink.AppendAttribute(b, i+1, binary.NativeEndian.AppendUint64(nil, first+uint64(i)))
		}
		return b
	})
}

// TestStatistics reads services and real servers with statistics beyond 32 bits.
func TestStatistics(t *testing.T) {
	f := &fakeIPVS{}
	c := f.conn(t)
	one := Service{Key: Key{Mark: 1, Family: config.IPv4}, SchedName: "rr", Netmask: 32}
	two := Service{Key: Key{Mark: 2, Family: config.IPv6}, SchedName: "rr", Netmask: 128}
	low, high := Destination{Address: netip.MustParseAddr("10.0.0.1"), Weight: 1}, Destination{Address: netip.MustParseAddr("10.0.0.2"), Weight: 2}
	for _, err := range c.Apply(
		Change{Op: AddService, Service: one}, Change{Op: AddDestination, Service: one, After: high}, Change{Op: AddDestination, Service: one, After: low},
		Change{Op: AddService, Service: two},
	) {
		require.NoError(t, err)
	}
	const base = uint64(1) << 40
	f.services[0].addStatistics(base)

	unknown := Key{Mark: 9, Family: config.IPv4}
	f.omitted = map[string]int{f.services[1].key: maxLists}
	services, err := c.Statistics(two.Key, unknown, one.Key)
	require.NoError(t, err)
	require.Len(t, services, 2)
	assert.Equal(t, CountedService{Service: two}, services[1], "read by its key, as the list omits it")
	want := Statistics{Counters{base, base + 1, base + 2, base + 3, base + 4}, Counters{base + 5, base + 6, base + 7, base + 8, base + 9}}
	assert.Equal(t, want, services[0].Statistics)
	require.Len(t, services[0].Destinations, 2)
	assert.Equal(t, []Destination{low, high}, services[0].VirtualService().Destinations)
	assert.Equal(t, base+100, services[0].Destinations[0].Statistics.Totals.Connections)
	assert.Equal(t, base+200, services[0].Destinations[1].Statistics.Totals.Connections)
	assert.Equal(t, one, services[0].VirtualService().Service)
}

// addStatistics adds statistics to the service, and others to each of its real servers.
func (s *fakeService) addStatistics(first uint64) {
	add := func(object []byte, outer, typ uint16, first uint64) []byte {
		_, content, _ := netlink.FirstAttribute(object)
		return netlink.AppendNested(nil, outer, func(b []byte) []byte {
			return appendStatistics(append(b, content...), typ, first)
		})
	}
	s.attributes = add(s.attributes, attrService, serviceStats64, first)
	for i, d := range s.destinations {
		s.destinations[i].attributes = add(d.attributes, attrDest, destStats64, first+100*uint64(i+1))
	}
}

// TestTruncatedStatistics: a number of another length is an error.
func TestTruncatedStatistics(t *testing.T) {
	object := netlink.AppendNested(nil, attrDest, func(b []byte) []byte {
		return netlink.AppendNested(b, destStats64, func(b []byte) []byte { return netlink.AppendUint32(b, 1, 7) })
	})
	_, err := decodeStatistics(object, attrDest, destStats64)
	assert.ErrorIs(t, err, netlink.ErrMalformed)
}

package route_test

import (
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/route"
)

// TestDestinations lists routes of many forms.
func TestDestinations(t *testing.T) {
	inScratch(t, func() {
		scratch.Run(t, "", "sysctl", "-qw", "net.ipv6.conf.d0.accept_dad=0")
		for _, command := range [][]string{
			{"route", "add", "default", "via", "10.0.0.254"},
			{"route", "add", "192.0.2.0/24", "via", "10.0.0.254"},
			{"route", "add", "198.51.100.0/24", "via", "10.0.0.254", "src", "10.0.0.1"},
			{"route", "add", "203.0.113.0/24", "nexthop", "via", "10.0.0.2", "nexthop", "via", "10.0.0.3"},
			{"route", "add", "10.9.0.0/16", "dev", "d0", "table", "200"},
			{"route", "add", "10.8.0.0/16", "via", "inet6", "fd00::9", "dev", "d0", "onlink"},
			{"route", "add", "blackhole", "10.7.0.0/16"},
			{"-6", "route", "add", "2001:db8::/32", "via", "fd00::2", "dev", "d0", "onlink"},
			{"link", "add", "d2", "type", "veth", "peer", "name", "d3"}, // whose peer is down
			{"link", "set", "d2", "up"},
			{"address", "add", "10.6.0.1/16", "dev", "d2"},
		} {
			ip(t, command...)
		}
		device, err := net.InterfaceByName("d0")
		require.NoError(t, err)
		list, all, err := route.Destinations(1000)
		require.NoError(t, err)
		assert.True(t, all)
		var got []string
		ways := map[string]string{}
		for _, d := range list {
			if d.Network.Addr().IsLinkLocalUnicast() {
				continue // which the kernel adds after a delay
			}
			got = append(got, fmt.Sprintf("%s table %d via %s %t", d.Network, d.Table, d.Gateway, d.Device == uint32(device.Index)))
			ways[d.Network.String()] = d.Way
		}
		slices.Sort(got)
		assert.Equal(t, []string{
			"0.0.0.0/0 table 254 via 10.0.0.254 true", "10.0.0.0/24 table 254 via invalid IP true", "10.8.0.0/16 table 254 via fd00::9 true",
			"10.9.0.0/16 table 200 via invalid IP true", "192.0.2.0/24 table 254 via 10.0.0.254 true", "198.51.100.0/24 table 254 via 10.0.0.254 true",
			"2001:db8::/32 table 254 via fd00::2 true", "203.0.113.0/24 table 254 via invalid IP false",
		}, got)
		assert.Equal(t, ways["0.0.0.0/0"], ways["192.0.2.0/24"])
		assert.NotEqual(t, ways["0.0.0.0/0"], ways["198.51.100.0/24"], "with a source of its own")
		assert.NotEqual(t, ways["10.9.0.0/16"], ways["203.0.113.0/24"])

		list, all, err = route.Destinations(2)
		require.NoError(t, err)
		assert.False(t, all)
		assert.LessOrEqual(t, len(list), 4)
	})
}

// TestMatchesUnmarked: packets without a mark of any source and device.
func TestMatchesUnmarked(t *testing.T) {
	for _, c := range []struct {
		rule route.Rule
		want bool
	}{
		{route.Rule{}, true},
		{route.Rule{Selects: true}, false},
		{route.Rule{Inverted: true}, false},
		{route.Rule{Mark: 21, Mask: 0xffffffff}, false},
		{route.Rule{Mark: 0, Mask: 0xff}, true},
		{route.Rule{Mark: 51820, Mask: 0xffffffff, Inverted: true}, true},
		{route.Rule{Mark: 51820, Mask: 0xffffffff, Inverted: true, Selects: true}, false},
	} {
		assert.Equal(t, c.want, c.rule.MatchesUnmarked(), "%+v", c.rule)
	}
}

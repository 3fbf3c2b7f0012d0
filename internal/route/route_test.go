package route_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/route"
)

// inScratch runs f in a network namespace that has the device d0 with an address, and a
// local address of IPv6.
func inScratch(t *testing.T, f func()) {
	t.Helper()
	need.Programs(t, "ip")
	scratch.Do(t, func() {
		for _, args := range [][]string{
			{"link", "set", "lo", "up"},
			{"link", "add", "d0", "type", "veth", "peer", "name", "d1"},
			{"link", "set", "d1", "up"},
			{"link", "set", "d0", "up"},
			{"address", "add", "10.0.0.1/24", "dev", "d0"},
			// The kernel adds the route of an IPv6 address after a delay.
			{"-6", "route", "add", "local", "fd01::1", "dev", "lo", "table", "local"},
		} {
			ip(t, args...)
		}
		f()
	})
}

func ip(t *testing.T, args ...string) { scratch.Run(t, "", "ip", args...) }

// TestRules reads rules of many forms.
func TestRules(t *testing.T) {
	inScratch(t, func() {
		for _, rule := range []string{"fwmark 21 lookup 200", "fwmark 0x10/0xf0 lookup 300", "fwmark 21 iif lo unreachable", "from 10.0.0.0/8 blackhole", "tos 0x10 prohibit"} {
			ip(t, append([]string{"rule", "add", "priority", "100"}, strings.Fields(rule)...)...)
		}
		ip(t, "rule", "add", "priority", "101", "not", "fwmark", "21", "lookup", "200")
		ip(t, "-6", "rule", "add", "priority", "102", "fwmark", "0x80000000", "lookup", "main")
		rules, err := route.Rules()
		require.NoError(t, err)
		var marked []string
		local := 0
		for _, r := range rules {
			if r.Mask != 0 {
				marked = append(marked, r.String())
			}
			if r.IsLocal() {
				local++
			}
		}
		assert.Equal(t, []string{
			"ip rule 100 (fwmark 0x15 lookup 200)", "ip rule 100 (fwmark 0x10/0xf0 lookup 300)", "ip rule 100 (fwmark 0x15 … unreachable)",
			"ip rule 101 (not fwmark 0x15 lookup 200)", "ip -6 rule 102 (fwmark 0x80000000 lookup 254)",
		}, marked)
		assert.Equal(t, 2, local, "one for each family")
	})
}

// TestDistinguishes compares the mark of a cluster with a packet without a mark.
func TestDistinguishes(t *testing.T) {
	for _, c := range []struct {
		rule route.Rule
		mark uint32
		want bool
	}{
		{route.Rule{}, 21, false},
		{route.Rule{Mark: 21, Mask: 0xffffffff}, 21, true},
		{route.Rule{Mark: 21, Mask: 0xffffffff}, 22, false},
		{route.Rule{Mark: 0x10, Mask: 0xf0}, 21, true},
		{route.Rule{Mark: 0x20, Mask: 0xf0}, 21, false},
		{route.Rule{Mark: 0, Mask: 0xff00}, 21, false},
		{route.Rule{Mark: 0, Mask: 0xff}, 21, true},
		{route.Rule{Mark: 51820, Mask: 0xffffffff, Inverted: true}, 21, false},
		{route.Rule{Mark: 21, Mask: 0xffffffff, Inverted: true}, 21, true},
	} {
		assert.Equal(t, c.want, c.rule.Distinguishes(c.mark), "%+v, mark %d", c.rule, c.mark)
	}
}

// TestTo asks for routes with and without a mark.
func TestTo(t *testing.T) {
	inScratch(t, func() {
		ip(t, "rule", "add", "fwmark", "21", "unreachable")
		ip(t, "rule", "add", "fwmark", "22", "lookup", "200")
		ip(t, "route", "add", "local", "198.51.100.0/24", "dev", "lo", "table", "200")
		ip(t, "-6", "rule", "add", "fwmark", "22", "lookup", "200")
		ip(t, "-6", "route", "add", "default", "via", "fd00::2", "dev", "d0", "onlink", "table", "200")
		table, err := route.Open()
		require.NoError(t, err)
		defer table.Close()
		to := func(address string, mark uint32) route.Route {
			r, err := table.To(netip.MustParseAddr(address), mark)
			require.NoError(t, err)
			return r
		}
		direct := to("10.0.0.11", 0)
		assert.Equal(t, uint8(unix.RTN_UNICAST), direct.Type)
		assert.Zero(t, direct.Refused)
		assert.NotZero(t, direct.Device)
		assert.Equal(t, direct, to("10.0.0.11", 23))
		assert.NotZero(t, to("10.0.0.11", 21).Refused)
		assert.True(t, to("10.0.0.1", 21).IsLocal())
		assert.NotZero(t, to("198.51.100.21", 0).Refused)
		assert.True(t, to("198.51.100.21", 22).IsLocal())
		assert.True(t, to("fd01::1", 0).IsLocal())
		assert.Equal(t, "fd00::2", to("fd09::1", 22).Gateway.String())

		source, err := table.Source(netip.MustParseAddr("10.0.0.11"))
		require.NoError(t, err)
		assert.Equal(t, "10.0.0.1", source.String())
		source, err = table.Source(netip.MustParseAddr("198.51.100.21"))
		require.NoError(t, err)
		assert.False(t, source.IsValid(), "no route")
	})
}

// TestForwarded asks for routes by the source, and by the device of packets that come in.
func TestForwarded(t *testing.T) {
	inScratch(t, func() {
		ip(t, "route", "add", "default", "via", "10.0.0.254")
		ip(t, "-6", "route", "add", "default", "via", "fd00::254", "dev", "d0", "onlink")
		ip(t, "rule", "add", "from", "10.0.0.11", "prohibit")
		ip(t, "-6", "rule", "add", "from", "fd00::11", "iif", "d0", "unreachable")
		scratch.Run(t, "", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
		table, err := route.Open()
		require.NoError(t, err)
		defer table.Close()
		device, err := net.InterfaceByName("d0")
		require.NoError(t, err)
		for _, c := range []struct {
			from, to string
			refused  unix.Errno
		}{
			{"10.0.0.11", "192.0.2.1", unix.EACCES},
			{"10.0.0.12", "192.0.2.1", 0},
			{"fd00::11", "2001:db8::1", unix.ENETUNREACH},
			{"fd00::12", "2001:db8::1", 0},
		} {
			r, err := table.Forwarded(netip.MustParseAddr(c.from), netip.MustParseAddr(c.to), uint32(device.Index))
			require.NoError(t, err)
			assert.Equal(t, c.refused, r.Refused, "%+v", c)
		}

		ip(t, "rule", "add", "to", "192.0.2.2", "ipproto", "tcp", "prohibit")
		ip(t, "rule", "add", "to", "192.0.2.2", "ipproto", "udp", "prohibit")
		tcp, err := table.Forwarded(netip.MustParseAddr("10.0.0.12"), netip.MustParseAddr("192.0.2.2"), uint32(device.Index))
		require.NoError(t, err)
		assert.Equal(t, unix.EACCES, tcp.Refused)
		without, err := table.To(netip.MustParseAddr("192.0.2.2"), 0)
		require.NoError(t, err)
		assert.Zero(t, without.Refused, "IPVS asks without a protocol")

		ip(t, "address", "add", "10.0.0.11/32", "dev", "d0")
		own, err := table.From(netip.MustParseAddr("10.0.0.11"), netip.MustParseAddr("192.0.2.1"))
		require.NoError(t, err)
		assert.Equal(t, unix.EACCES, own.Refused)
		own, err = table.From(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1"))
		require.NoError(t, err)
		assert.Equal(t, "10.0.0.254", own.Gateway.String())
	})
}

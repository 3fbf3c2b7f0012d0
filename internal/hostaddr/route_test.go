package hostaddr_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// network returns a local route on vip0.
func network(prefix string) hostaddr.Address {
	p := netip.MustParsePrefix(prefix)
	return hostaddr.Address{Device: "vip0", IP: p.Addr(), Bits: p.Bits()}
}

// TestRoutes adds and deletes networks together with addresses. Routes of other programs are
// listed, those of the kernel and of other tables are not.
func TestRoutes(t *testing.T) {
	need.Kernel(t, 5, 18)
	withDevice(t, func() {
		scratch.Run(t, "", "ip", "link", "set", "lo", "up")
		scratch.Run(t, "", "ip", "address", "add", "192.0.2.1/24", "dev", "vip0")
		scratch.Run(t, "", "ip", "route", "add", "local", "203.0.113.0/25", "dev", "lo")
		scratch.Run(t, "", "ip", "route", "add", "203.0.113.128/25", "dev", "vip0")
		scratch.Run(t, "", "ip", "route", "add", "local", "203.0.113.0/24", "dev", "lo", "table", "200")
		list := []hostaddr.Address{network("198.51.100.32/28"), network("2001:db8:1::/64"), on("vip0", "198.51.100.21"), network("198.51.0.0/17")}
		require.NoError(t, errors.Join(hostaddr.Add(list...)...))
		assert.ElementsMatch(t, []hostaddr.Local{
			{Address: list[0], Prefix: 28, Ours: true},
			{Address: list[1], Prefix: 64, Ours: true},
			{Address: list[2], Prefix: 32, Ours: true},
			{Address: list[3], Prefix: 17, Ours: true},
		}, ours(t))
		foreign := network("203.0.113.0/25")
		foreign.Device = "lo"
		assert.Contains(t, read(t), hostaddr.Local{Address: foreign, Prefix: 25})
		assert.Contains(t, scratch.Run(t, "", "ip", "route", "show", "table", "local"), "local 198.51.100.32/28 dev vip0 proto 76 scope host")
		assert.Contains(t, scratch.Run(t, "", "ip", "-6", "route", "show", "table", "local"), "local 2001:db8:1::/64 dev vip0 proto 76")
		for _, local := range []string{"198.51.100.47", "198.51.1.1", "2001:db8:1::ffff"} {
			assert.Contains(t, scratch.Run(t, "", "ip", "route", "get", local), "local "+local)
		}
		require.NoError(t, errors.Join(hostaddr.Delete(list...)...))
		assert.Empty(t, ours(t))
		assert.NotContains(t, scratch.Run(t, "", "ip", "route", "show", "table", "local"), "proto 76")
		assert.Contains(t, read(t), hostaddr.Local{Address: foreign, Prefix: 25})
	})
}

func TestRouteErrors(t *testing.T) {
	need.Kernel(t, 5, 18)
	withDevice(t, func() {
		scratch.Run(t, "", "ip", "link", "set", "lo", "up")
		nowhere := network("198.51.100.32/28")
		nowhere.Device = "nowhere"
		assert.ErrorContains(t, onlyAnswer(t, hostaddr.Add(nowhere)), "add route 198.51.100.32/28 on nowhere: device nowhere: no such network interface; ")
		for prefix, ip := range map[string]string{"198.51.100.32/28": "ip", "2001:db8:1::/64": "ip -6"} {
			err := onlyAnswer(t, hostaddr.Delete(network(prefix)))
			require.ErrorIs(t, err, hostaddr.ErrStale)
			assert.EqualError(t, err, "delete route "+prefix+" on vip0: no such process (the route does not exist: another process has deleted it)")
			scratch.Run(t, "", "ip", "route", "add", "local", prefix, "dev", "lo")
			err = onlyAnswer(t, hostaddr.Delete(network(prefix)))
			require.ErrorIs(t, err, unix.ESRCH, "not the route of another program")
			err = onlyAnswer(t, hostaddr.Add(network(prefix)))
			require.ErrorIs(t, err, hostaddr.ErrStale)
			assert.EqualError(t, err, "add route "+prefix+" on vip0: file exists (the network has such a route already, added by another process: `"+ip+" route show table local "+prefix+"`)")
		}
		scratch.Run(t, "", "ip", "link", "set", "vip0", "down")
		assert.EqualError(t, onlyAnswer(t, hostaddr.Add(network("2001:db8:2::/64"))),
			"add route 2001:db8:2::/64 on vip0: network is down (the kernel has no IPv6 routes on a device that is down: `ip link set up dev vip0`)")
		require.NoError(t, errors.Join(hostaddr.Add(network("198.51.100.64/28"))...), "IPv4 has")
	})
}

// TestNeighborsOfNetworks: hosts of the link find the addresses of an IPv4 network, but not
// those of an IPv6 network. Small IPv4 networks are announced.
func TestNeighborsOfNetworks(t *testing.T) {
	need.Kernel(t, 5, 18)
	need.Programs(t, "ping")
	withPeer(t, func(peer func(args ...string) string) {
		list := []hostaddr.Address{network("198.51.100.32/28"), network("2001:db8::100/120"), network("198.51.0.0/23")}
		scratch.Run(t, "", "ip", "link", "set", "lo", "up")
		scratch.Run(t, "", "ip", "address", "add", "198.51.100.1/24", "dev", "vip0")
		scratch.Run(t, "", "ip", "address", "add", "2001:db8::1/64", "dev", "vip0", "nodad")
		require.NoError(t, errors.Join(hostaddr.Add(list...)...))
		assert.Contains(t, peer("ping", "-c", "1", "-W", "60", "198.51.100.40"), " 0% packet loss")
		lost := peer("sh", "-c", "ping -c 1 -W 3 2001:db8::120 || true")
		assert.Contains(t, lost, "100% packet loss", "a router must send the network here")
		peer("ip", "-6", "route", "add", "2001:db8:0:0::/64", "via", "2001:db8::1", "dev", "vip1", "metric", "1")
		assert.Contains(t, peer("ping", "-c", "1", "-W", "60", "2001:db8::120"), " 0% packet loss")
	})
}

// TestAnnouncedNetworks: each address of a small IPv4 network is announced.
func TestAnnouncedNetworks(t *testing.T) {
	need.Kernel(t, 5, 18)
	withDevice(t, func() {
		list := []hostaddr.Address{network("2001:db8::100/120"), network("198.51.0.0/23"), network("198.51.100.32/30"), on("vip0", "198.51.100.99")}
		require.NoError(t, errors.Join(hostaddr.Add(list...)...))
		next := capture(t, "vip1")
		require.Empty(t, hostaddr.Announce(list...))
		for _, ip := range []string{"c6336420", "c6336421", "c6336422", "c6336423", "c6336463"} {
			assert.Contains(t, next(), "0806"+"0001080006040001"+macOf(t, "vip0")+ip)
		}
	})
}

// TestDownDevice: the kernel deletes IPv6 routes of a device that goes down, and keeps those
// of IPv4.
func TestDownDevice(t *testing.T) {
	need.Kernel(t, 5, 18)
	withDevice(t, func() {
		require.NoError(t, errors.Join(hostaddr.Add(network("198.51.100.32/28"), network("2001:db8:1::/64"))...))
		scratch.Run(t, "", "ip", "link", "set", "vip0", "down")
		assert.Equal(t, []hostaddr.Local{{Address: network("198.51.100.32/28"), Prefix: 28, Ours: true}}, ours(t))
	})
}

// TestHasNoTable: only a refusal by the kernel says that a family has no table.
func TestHasNoTable(t *testing.T) {
	for _, errno := range []unix.Errno{unix.ENOENT, unix.EOPNOTSUPP, unix.EAFNOSUPPORT} {
		assert.True(t, hostaddr.HasNoTable(&netlink.KernelError{Errno: errno}), errno)
		assert.False(t, hostaddr.HasNoTable(errno), errno)
	}
	assert.False(t, hostaddr.HasNoTable(&netlink.KernelError{Errno: unix.EPERM}))
	assert.False(t, hostaddr.HasNoTable(nil))
}

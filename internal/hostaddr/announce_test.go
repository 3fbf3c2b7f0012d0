package hostaddr_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

// TestNeighborsLearn: hosts that know the VIPs by the address of another director, with
// entries of any state, send to this one after Announce.
func TestNeighborsLearn(t *testing.T) {
	need.Programs(t, "ip", "sysctl")
	withPeer(t, func(peer func(args ...string) string) {
		const other = "02:00:00:00:00:99"
		vips := []hostaddr.Address{on("vip0", "198.51.100.21"), on("vip0", "2001:db8::21")}
		require.NoError(t, errors.Join(hostaddr.Add(vips...)...))
		device, err := net.InterfaceByName("vip0")
		require.NoError(t, err)
		for _, state := range []string{"stale", "reachable", "delay"} {
			for _, vip := range vips {
				peer("ip", "neigh", "replace", vip.IP.String(), "lladdr", other, "dev", "vip1", "nud", state)
				require.Contains(t, peer("ip", "neigh", "show", vip.IP.String(), "dev", "vip1"), other)
			}
			require.Empty(t, hostaddr.Announce(vips...))
			for _, vip := range vips {
				require.Eventually(t, func() bool {
					return strings.Contains(peer("ip", "neigh", "show", vip.IP.String(), "dev", "vip1"), device.HardwareAddr.String())
				}, time.Minute, 10*time.Millisecond, "%s, an entry in state %s", vip, state)
			}
		}
	})
}

// withPeer runs f in a network namespace with vip0, whose other end vip1 is in a namespace
// of its own. peer runs a program there.
func withPeer(t *testing.T, f func(peer func(args ...string) string)) {
	t.Helper()
	withDevice(t, func() {
		name := fmt.Sprintf("lvsmark-peer-%d", time.Now().UnixNano())
		scratch.Run(t, "", "ip", "netns", "add", name)
		defer scratch.Run(t, "", "ip", "netns", "del", name)
		scratch.Run(t, "", "ip", "link", "set", "vip1", "netns", name)
		peer := func(args ...string) string {
			return scratch.Run(t, "", "ip", append([]string{"netns", "exec", name}, args...)...)
		}
		peer("ip", "address", "add", "198.51.100.9/24", "dev", "vip1")
		peer("ip", "address", "add", "2001:db8::9/64", "dev", "vip1", "nodad")
		peer("ip", "link", "set", "vip1", "up")
		await(t, func() bool { // before, the device drops what is sent (linkwatch_event in net/core/link_watch.c)
			return strings.Contains(scratch.Run(t, "", "ip", "link", "show", "vip0"), " state UP ")
		})
		f(peer)
	})
}

// TestFrames: the frames on the wire, with their Ethernet headers. A director that forwards
// IPv6 is a router, and its advertisements say so.
func TestFrames(t *testing.T) {
	need.Programs(t, "sysctl")
	const vip6, allNodes = "20010db8000000000000000000000021", "ff020000000000000000000000000001"
	for forwarding, flags := range map[string]string{"0": "20", "1": "a0"} {
		withDevice(t, func() {
			scratch.Run(t, "", "sysctl", "-qw", "net.ipv6.conf.vip0.forwarding="+forwarding)
			vips := []hostaddr.Address{on("vip0", "198.51.100.21"), on("vip0", "2001:db8::21")}
			require.NoError(t, errors.Join(hostaddr.Add(vips...)...))
			next := capture(t, "vip1")
			require.Empty(t, hostaddr.Announce(vips...))
			mac := macOf(t, "vip0")
			assert.Equal(t, "ffffffffffff"+mac+"0806"+"0001080006040001"+mac+"c6336415"+"000000000000"+"c6336415", next())
			advertisement := next()
			const checksum = 2 * (14 + 40 + 2) // characters before it
			assert.Equal(t, "333300000001"+mac+"86dd"+"6000000000203aff"+vip6+allNodes+"8800", advertisement[:checksum])
			assert.Equal(t, flags+"000000"+vip6+"0201"+mac, advertisement[checksum+4:])
		})
	}
}

func macOf(t *testing.T, device string) string {
	t.Helper()
	found, err := net.InterfaceByName(device)
	require.NoError(t, err)
	return hex.EncodeToString(found.HardwareAddr)
}

// capture opens a packet socket on the device. The result returns the next frame of ARP or
// of ICMPv6 type 136, in hexadecimal.
func capture(t *testing.T, device string) func() string {
	t.Helper()
	found, err := net.InterfaceByName(device)
	require.NoError(t, err)
	all := uint16(unix.ETH_P_ALL)<<8 | uint16(unix.ETH_P_ALL)>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all))
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: found.Index}))
	require.NoError(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 30}))
	require.NoError(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20))
	return func() string {
		buffer := make([]byte, 2048)
		for {
			n, _, err := unix.Recvfrom(fd, buffer, 0)
			require.NoError(t, err)
			protocol := hex.EncodeToString(buffer[12:14])
			if protocol == "0806" || protocol == "86dd" && n > 54 && buffer[54] == 136 {
				return hex.EncodeToString(buffer[:n])
			}
		}
	}
}

// TestNotAnnounced: devices without neighbors are left out, and a device that cannot
// announce is an error that names an address, the reason and a command.
func TestNotAnnounced(t *testing.T) {
	withDevice(t, func() {
		scratch.Run(t, "", "ip", "link", "set", "lo", "up")
		assert.Empty(t, hostaddr.Announce())
		assert.Empty(t, hostaddr.Announce(on("lo", "198.51.100.21"), on("lo", "2001:db8::21")))

		list := []hostaddr.Address{on("vip0", "198.51.100.21"), on("lo", "198.51.100.22"), on("vip0", "198.51.100.23")}
		more := append(list[:2:2], on("vip0", "198.51.100.23"), on("vip0", "198.51.100.24"))
		scratch.Run(t, "", "ip", "link", "set", "vip1", "down")
		assert.EqualError(t, errors.Join(hostaddr.Announce(list...)...), "VIP 198.51.100.21 on vip0 and 1 more VIP of the device not announced: the device has no link (NO-CARRIER); hosts that know another director send their packets there until their neighbor entries expire; `arping -A -c 3 -I vip0 198.51.100.21` announces the VIP")
		assert.ErrorContains(t, errors.Join(hostaddr.Announce(more...)...), "VIP 198.51.100.21 on vip0 and 2 more VIPs of the device not announced: ")
		scratch.Run(t, "", "ip", "link", "set", "vip0", "down")
		assert.ErrorContains(t, errors.Join(hostaddr.Announce(on("vip0", "2001:db8::21"))...), "VIP 2001:db8::21 on vip0 not announced: the device is down; ")
		assert.ErrorContains(t, errors.Join(hostaddr.Announce(on("vip0", "2001:db8::21"))...), "`ndptool -t na -U -i vip0 -T 2001:db8::21 send` announces the VIP")
		assert.ErrorContains(t, errors.Join(hostaddr.Announce(on("nowhere", "198.51.100.21"))...), "VIP 198.51.100.21 on nowhere not announced: no such network interface; ")

		scratch.Run(t, "", "ip", "link", "set", "vip0", "up")
		scratch.Run(t, "", "ip", "link", "set", "vip1", "up")
		scratch.Run(t, "", "ip", "link", "set", "vip0", "arp", "off")
		assert.Empty(t, hostaddr.Announce(on("vip0", "198.51.100.21")), "NOARP")
		scratch.Run(t, "", "ip", "link", "set", "vip0", "arp", "on")
		scratch.DropPrivileges(t)
		assert.ErrorContains(t, errors.Join(hostaddr.Announce(on("vip0", "198.51.100.21"))...), "packet socket: operation not permitted: this needs CAP_NET_RAW; ")
	})
}

// TestAnnounceMany: each of ten thousand VIPs is announced once. The frames are counted where
// the device takes them: behind it, the queue of a busy processor drops those above
// net.core.netdev_max_backlog.
func TestAnnounceMany(t *testing.T) {
	withDevice(t, func() {
		var list []hostaddr.Address
		for i := range 10_000 {
			list = append(list, on("vip0", netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}).String()))
		}
		next := capture(t, "vip0")
		require.Empty(t, hostaddr.Announce(list...))
		seen := map[string]bool{}
		for range list {
			frame := next()
			seen[frame[len(frame)-8:]] = true
		}
		assert.Len(t, seen, len(list))
	})
}

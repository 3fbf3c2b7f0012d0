package ipvs

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// TestOtherDevice: the device is another one only if each socket that can be the daemon's is
// bound to another one.
func TestOtherDevice(t *testing.T) {
	for _, c := range []struct {
		bound          []uint32
		master, backup uint32
	}{
		{nil, 0, 0},
		{[]uint32{7}, 0, 0},
		{[]uint32{3}, 3, 3},
		{[]uint32{3, 7}, 0, 0},
		{[]uint32{0}, 0, 0},
		{[]uint32{0, 3}, 0, 3}, // the master's can be the first one, the backup's cannot
		{[]uint32{0, 3, 7}, 0, 0},
	} {
		assert.Equal(t, c.master, otherDevice(Master, c.bound, 7), c)
		assert.Equal(t, c.backup, otherDevice(Backup, c.bound, 7), c)
	}
}

// diagAnswer returns struct inet_diag_msg of a UDP socket.
func diagAnswer(source, destination netip.AddrPort, device uint32) netlink.Message {
	b := make([]byte, 72)
	binary.BigEndian.PutUint16(b[4:], source.Port())
	binary.BigEndian.PutUint16(b[6:], destination.Port())
	copy(b[8:24], source.Addr().AsSlice())
	copy(b[24:40], destination.Addr().AsSlice())
	binary.NativeEndian.PutUint32(b[40:], device)
	return netlink.Message{Type: unix.SOCK_DIAG_BY_FAMILY, Data: b}
}

// TestBoundSockets: the sockets of a master are connected to the group, those of a backup are
// bound to it. The kernel may list others too.
func TestBoundSockets(t *testing.T) {
	for group, family := range map[string]byte{"224.0.0.81": unix.AF_INET, "ff02::81": unix.AF_INET6} {
		daemon := syncDaemon(group)
		to := netip.AddrPortFrom(daemon.Group, daemon.Port)
		otherPort := netip.AddrPortFrom(daemon.Group, daemon.Port+1)
		from := netip.MustParseAddrPort("192.0.2.1:4000")
		otherGroup := netip.MustParseAddrPort("224.0.0.82:8848")
		if daemon.Group.Is6() {
			from, otherGroup = netip.MustParseAddrPort("[fe80::1]:4000"), netip.MustParseAddrPort("[ff02::82]:8848")
		}
		var sent []byte
		answer := netlink.Answer{Objects: []netlink.Message{
			diagAnswer(to, netip.AddrPort{}, 1), diagAnswer(otherPort, netip.AddrPort{}, 2), diagAnswer(otherGroup, netip.AddrPort{}, 3),
			diagAnswer(from, to, 4), diagAnswer(from, otherPort, 5), diagAnswer(from, otherGroup, 6), diagAnswer(from, to, 0),
		}}
		nl := netlink.Fake(func(m netlink.Message) netlink.Answer {
			assert.Equal(t, uint16(unix.SOCK_DIAG_BY_FAMILY), m.Type)
			sent = m.Data
			return answer
		})
		for state, want := range map[SyncState][]uint32{Backup: {1}, Master: {4, 0}} {
			got, err := boundSockets(nl, state, daemon)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			require.Len(t, sent, 56)
			assert.Equal(t, []byte{family, unix.IPPROTO_UDP}, sent[:2])
		}
		answer = netlink.Answer{Errno: unix.ENOENT} // CONFIG_INET_UDP_DIAG is off
		_, err := boundSockets(nl, Backup, daemon)
		require.ErrorIs(t, err, unix.ENOENT)
		answer = netlink.Answer{Objects: []netlink.Message{{Type: unix.SOCK_DIAG_BY_FAMILY, Data: make([]byte, 71)}}}
		_, err = boundSockets(nl, Backup, daemon)
		require.ErrorIs(t, err, netlink.ErrMalformed)
	}
}

// TestDeviceIndex: a device that does not exist is known by its errno.
func TestDeviceIndex(t *testing.T) {
	index, err := deviceIndex("lo")
	require.NoError(t, err)
	assert.Equal(t, uint32(1), index)
	_, err = deviceIndex("lvsmark-none")
	require.ErrorIs(t, err, unix.ENODEV)
	_, err = deviceIndex("a-name-that-is-too-long")
	require.ErrorIs(t, err, unix.EINVAL)
}

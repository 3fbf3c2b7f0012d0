package hostaddr

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// testMAC is the address of a device.
func testMAC() []byte { return []byte{2, 0, 0, 0, 0, 0xaa} }

// TestARPAnnouncement: the bytes of `arping -U -I eth0 198.51.100.21`, apart from the
// target's link-layer address, which receivers ignore.
func TestARPAnnouncement(t *testing.T) {
	assert.Equal(t, []byte{
		0, 1, 8, 0, 6, 4, 0, 1, // Ethernet, IPv4, lengths, request
		2, 0, 0, 0, 0, 0xaa, 198, 51, 100, 21, // sender
		0, 0, 0, 0, 0, 0, 198, 51, 100, 21, // target
	}, arpAnnouncement(testMAC(), netip.MustParseAddr("198.51.100.21")))
}

// TestNeighborAdvertisement: the checksums are those that tcpdump -vv calls ok, see also
// TestNeighborsLearn, where the kernel verifies them.
func TestNeighborAdvertisement(t *testing.T) {
	vip := []byte{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x21}
	packet := func(flags, checksum1, checksum2 byte) []byte {
		b := append([]byte{0x60, 0, 0, 0, 0, 32, 58, 255}, vip...) // version 6, 32 bytes, ICMPv6, hop limit 255
		b = append(b, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
		b = append(b, 136, 0, checksum1, checksum2, flags, 0, 0, 0)
		b = append(b, vip...)
		return append(b, 2, 1, 2, 0, 0, 0, 0, 0xaa) // target link-layer address
	}
	host := neighborAdvertisement(testMAC(), netip.MustParseAddr("2001:db8::21"), false)
	assert.Equal(t, packet(0x20, host[42], host[43]), host)
	assert.Zero(t, icmpv6Checksum(host[8:40], host[40:]), "a right checksum makes the sum zero")
	router := neighborAdvertisement(testMAC(), netip.MustParseAddr("2001:db8::21"), true)
	assert.Equal(t, packet(0xa0, router[42], router[43]), router)
	assert.NotEqual(t, host[42:44], router[42:44])
}

// TestDecodeLink: a device without neighbors, or without a way to announce, is found by
// its flags and type.
func TestDecodeLink(t *testing.T) {
	data := append([]byte{0, 0, 1, 0, 7, 0, 0, 0, 0x43, 0, 1, 0, 0, 0, 0, 0}, netlink.AppendAttribute(nil, unix.IFLA_ADDRESS, testMAC())...)
	data = netlink.AppendAttribute(data, unix.IFLA_BROADCAST, []byte{255, 255, 255, 255, 255, 255})
	data = netlink.AppendNested(data, unix.IFLA_AF_SPEC, func(b []byte) []byte {
		return netlink.AppendNested(b, unix.AF_INET6, func(b []byte) []byte {
			return netlink.AppendAttribute(b, unix.IFLA_INET6_CONF, []byte{1, 0, 0, 0, 64, 0, 0, 0})
		})
	})
	l, err := decodeLink(netlink.Message{Type: unix.RTM_NEWLINK, Data: data})
	require.NoError(t, err)
	assert.Equal(t, link{index: 7, hardware: 1, flags: 0x10043, address: testMAC(), broadcast: []byte{255, 255, 255, 255, 255, 255}, forwardsIPv6: true}, l)
	assert.True(t, l.hasNeighbors())
	assert.NoError(t, l.problem())

	for _, flag := range []uint32{unix.IFF_LOOPBACK, unix.IFF_NOARP, unix.IFF_POINTOPOINT} {
		other := l
		other.flags |= flag
		assert.False(t, other.hasNeighbors())
	}
	for want, change := range map[error]func(*link){
		errDown:        func(l *link) { l.flags &^= unix.IFF_UP },
		errNoCarrier:   func(l *link) { l.flags &^= unix.IFF_LOWER_UP },
		errNotEthernet: func(l *link) { l.hardware = 32 }, // InfiniBand
	} {
		other := l
		change(&other)
		assert.ErrorIs(t, other.problem(), want)
	}

	for _, m := range []netlink.Message{
		{Type: unix.RTM_NEWADDR, Data: data}, {Type: unix.RTM_NEWLINK, Data: data[:15]}, {Type: unix.RTM_NEWLINK, Data: data[:18]},
	} {
		_, err := decodeLink(m)
		require.ErrorIs(t, err, netlink.ErrMalformed)
	}
}

// TestQuestions has the frames of RFC 5227, 2.1.1 and RFC 4861, 4.3.
func TestQuestions(t *testing.T) {
	mac := []byte{2, 0, 0, 0, 0, 1}
	assert.Equal(t, "0001080006040001"+"020000000001"+"00000000"+"000000000000"+"c6336415", hex.EncodeToString(arpProbe(mac, netip.MustParseAddr("198.51.100.21"))))
	source, target := netip.MustParseAddr("fe80::1"), netip.MustParseAddr("2001:db8::21:2223")
	packet := neighborSolicitation(mac, source, target)
	assert.Equal(t, "60000000"+"00203aff"+"fe800000000000000000000000000001"+"ff0200000000000000000001ff212223", hex.EncodeToString(packet[:40]))
	assert.Equal(t, "8700", hex.EncodeToString(packet[40:42]))
	assert.Equal(t, "00000000"+"20010db8000000000000000000212223"+"0101020000000001", hex.EncodeToString(packet[44:]))
	assert.Zero(t, icmpv6Checksum(packet[8:40], packet[40:]), "with its checksum the sum is 0")
	assert.Equal(t, "3333ff212223", hex.EncodeToString(solicitedMAC(target)))
}

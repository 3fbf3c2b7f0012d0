package ipvs

import (
	"encoding/hex"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	moby "github.com/moby/ipvs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// TestGoldenRequests: each change is encoded as the message of that ipvsadm command.
func TestGoldenRequests(t *testing.T) {
	ftp := Service{
		Key:       Key{Mark: 21, Family: config.IPv4},
		SchedName: "wlc", Timeout: 5 * time.Minute, Netmask: 24, PEName: "sip", Flags: OnePacket,
	}
	web := Service{Key: Key{Mark: 0x80000001, Family: config.IPv6}, SchedName: "mh", Netmask: 128}
	tunnel := Destination{
		Address: netip.MustParseAddr("10.0.0.11"), Port: 80, Weight: 3, Forwarding: config.Tunnel, UpperThreshold: 10, LowerThreshold: 5,
		Tunnel: Tunnel{Type: tunnelGUE, Port: 6080, Flags: tunnelRemoteChecksum},
	}
	direct := Destination{Address: netip.MustParseAddr("2001:db8::11"), Weight: 65535, Forwarding: config.Direct}
	conn := &Conn{family: 33}
	for command, c := range map[string]struct {
		change Change
		want   string
	}{
		"ipvsadm -A -f 21 -s wlc -p 300 -M 255.255.255.0 --pe sip -o": {
			Change{Op: AddService, Service: ftp},
			"01010000400001800600010002000000080005001500000008000600776c630008000b00736970000c00070005000000ffffffff080008002c01000008000900ffffff00",
		},
		"ipvsadm -E -f 2147483649 -6 -s mh": {
			Change{Op: EditService, Service: web},
			"0201000038000180060001000a0000000800050001000080070006006d6800000c00070000000000ffffffff08000800000000000800090080000000",
		},
		"ipvsadm -D -f 21": {
			Change{Op: DelService, Service: ftp},
			"030100001400018006000100020000000800050015000000",
		},
		"ipvsadm -a -f 21 -r 10.0.0.11:80 -i -w 3 -x 10 -y 5 --tun-type gue --tun-port 6080 --tun-remcsum": {
			Change{Op: AddDestination, Service: ftp, After: tunnel},
			"050100001400018006000100020000000800050015000000" +
				"54000280080001000a00000b060002000050000008000300020000000800040003000000080005000a000000080006000500000006000b000200000005000d000100000006000e0017c0000006000f0002000000",
		},
		"ipvsadm -e -f 2147483649 -6 -r [2001:db8::11] -g -w 65535": {
			Change{Op: EditDestination, Service: web, After: direct},
			"0601000014000180060001000a0000000800050001000080" +
				"480002801400010020010db80000000000000000000000110600020000000000080003000300000008000400ffff00000800050000000000080006000000000006000b000a000000",
		},
		"ipvsadm -d -f 21 -r 10.0.0.11:80": {
			Change{Op: DelDestination, Service: ftp, Before: tunnel},
			"070100001400018006000100020000000800050015000000" +
				"54000280080001000a00000b060002000050000008000300020000000800040003000000080005000a000000080006000500000006000b000200000005000d000100000006000e0017c0000006000f0002000000",
		},
	} {
		request := conn.changeRequest(c.change) // behind those before it
		assert.Equal(t, c.want, hex.EncodeToString(append(request.Header, request.Data...)), command)
		assert.Equal(t, uint16(33), request.Type)
	}
}

// TestNumbersOfMoby compares the constants with those of moby/ipvs.
func TestNumbersOfMoby(t *testing.T) {
	assert.Equal(t,
		[]int{moby.ConnFwdMask, moby.ConnFwdMasq, moby.ConnFwdLocalNode, moby.ConnFwdTunnel, moby.ConnFwdDirectRoute, moby.ConnFwdBypass},
		[]int{methodMask, methodMasquerade, methodLocalNode, methodTunnel, methodDirect, methodBypass})
}

func TestDestinationRoundTrip(t *testing.T) {
	for _, address := range []string{"10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", "::"} {
		for _, dest := range []Destination{
			{},
			{Port: 1, Weight: 65535, Forwarding: config.Direct},
			{Port: 65535, Weight: math.MaxInt32, Forwarding: config.Tunnel, Tunnel: Tunnel{Type: 1, Port: 6080, Flags: 2}},
			{RawForwarding: 1, UpperThreshold: math.MaxUint32, LowerThreshold: 1},
		} {
			dest.Address = netip.MustParseAddr(address)
			decoded, err := decodeDestination(appendDestination(nil, dest), Key{Mark: 1, Family: config.IPv4})
			require.NoError(t, err)
			assert.Equal(t, dest, decoded)
		}
	}
}

// TestDecodeCounts decodes the numbers of connections, which the kernel only lists.
func TestDecodeCounts(t *testing.T) {
	want := Destination{Address: netip.MustParseAddr("10.0.0.1"), Weight: 1, Connections: Connections{Active: 1, Inactive: 2, Persistent: 3}}
	attributes := netlink.AppendNested(nil, attrDest, func(b []byte) []byte {
		_, inner, _ := netlink.FirstAttribute(appendDestination(nil, want))
		b = append(b, inner...)
		b = netlink.AppendUint32(b, destActiveConns, 1)
		b = netlink.AppendUint32(b, destInactiveConns, 2)
		return netlink.AppendUint32(b, destPersistentConns, 3)
	})
	got, err := decodeDestination(attributes, Key{Mark: 1, Family: config.IPv4})
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

// TestDecodeRefuses: short attributes and unknown address families are errors.
func TestDecodeRefuses(t *testing.T) {
	service := func(typ uint16, data ...byte) []byte {
		return netlink.AppendNested(nil, attrService, func(b []byte) []byte {
			b = netlink.AppendUint32(netlink.AppendUint16(b, serviceAF, unix.AF_INET), serviceMark, 1)
			return netlink.AppendAttribute(b, typ, data)
		})
	}
	_, err := decodeService(service(serviceFlags, 1, 0, 0, 0))
	require.NoError(t, err)
	_, err = decodeService(service(serviceFlags, 1, 0, 0))
	require.ErrorIs(t, err, netlink.ErrMalformed)
	_, err = decodeService(service(serviceAF, 1, 0))
	require.ErrorContains(t, err, "address family 1 is neither IPv4 nor IPv6")
	for n, want := range map[int]bool{3: false, 4: true, 16: true} {
		_, err := decodeAddress(make([]byte, n), unix.AF_INET)
		assert.Equal(t, want, err == nil, n)
	}
	_, err = decodeAddress(make([]byte, 15), unix.AF_INET6)
	require.Error(t, err)
}

// TestDecodeFlags: the kernel's own flag is no difference, and persistence is implied by a
// timeout.
func TestDecodeFlags(t *testing.T) {
	for _, c := range []struct {
		flags, netmask uint32
		timeout        time.Duration
		want           Service
	}{
		{flagHashed, 24, time.Minute, Service{Netmask: 128}},
		{flagHashed | flagPersistent, 24, time.Minute, Service{Netmask: 24, Timeout: time.Minute}},
		{flagPersistent | OnePacket, 24, 0, Service{Netmask: 24, Flags: flagPersistent | OnePacket}},
		{OnePacket, 0, 0, Service{Netmask: 128, Flags: OnePacket}},
	} {
		got := Service{Key: Key{Mark: 1, Family: config.IPv6}, Timeout: c.timeout}
		c.want.Key = got.Key
		got.normalize(c.flags, c.netmask)
		assert.Equal(t, c.want, got)
	}
}

// TestTunnelFlags prints each tunnel as ipvsadm does.
func TestTunnelFlags(t *testing.T) {
	for want, tunnel := range map[string]Tunnel{
		"--tun-type ipip": {Port: 1, Flags: 1},
		"--tun-type gue --tun-port 6080 --tun-nocsum":  {Type: tunnelGUE, Port: 6080},
		"--tun-type gre --tun-csum":                    {Type: tunnelGRE, Flags: tunnelChecksum},
		"--tun-type gre --tun-remcsum":                 {Type: tunnelGRE, Flags: tunnelRemoteChecksum},
		"--tun-type 7 --tun-flags-0x3":                 {Type: 7, Flags: 3},
		"--tun-type gue --tun-port 0 --tun-flags-0x10": {Type: tunnelGUE, Flags: 16},
	} {
		assert.Equal(t, want, strings.Join(tunnel.flags(), " "))
	}
}

// TestNetmaskRoundTrip: the kernel has IPv4 netmasks in network byte order, and IPv6
// netmasks as a prefix length.
func TestNetmaskRoundTrip(t *testing.T) {
	for _, family := range config.Families() {
		for length := range family.Bits() + 1 {
			want := Service{Key: Key{Mark: 1, Family: family}, Netmask: length}
			got := Service{Key: want.Key}
			got.setNetmask(want.netmaskToKernel())
			require.Equal(t, want, got)
		}
	}
	withHoles := Service{Key: Key{Mark: 1, Family: config.IPv4}, RawNetmask: 0x00ffffff}
	got := Service{Key: withHoles.Key}
	got.setNetmask(withHoles.netmaskToKernel())
	assert.Equal(t, withHoles, got)
}

// FuzzDecode: decoding any bytes does not panic.
func FuzzDecode(f *testing.F) {
	f.Add(appendService(nil, Service{Key: Key{Mark: 21, Family: config.IPv6}, SchedName: "wlc", Timeout: time.Minute, Netmask: 64}))
	f.Add(appendDestination(nil, Destination{Address: netip.MustParseAddr("10.0.0.1"), Tunnel: Tunnel{Type: 1}}))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = decodeService(data)
		_, _ = decodeDestination(data, Key{Mark: 1, Family: config.IPv4})
		_, _ = decodeTimeouts(data)
		_, _ = decodeKey(data)
		_, _ = canonical(data, attrDest)
	})
}

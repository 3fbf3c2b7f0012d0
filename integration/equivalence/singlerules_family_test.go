package equivalence

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// This file has what differs between IPv4 and IPv6 in the tests of single rules.

// fileOf returns the name of a file of testdata for a family.
func fileOf(name string, family config.Family) string {
	if family == config.IPv6 {
		return strings.Replace(name, "singlerules", "singlerules6", 1)
	}
	return name
}

// vipNetwork is the network of all destinations: the namespace has its addresses.
func vipNetwork(family config.Family) netip.Prefix {
	if family == config.IPv6 {
		return netip.MustParsePrefix("2001:db8:1::/120")
	}
	return netip.MustParsePrefix("198.51.100.0/24")
}

func usualAddresses(family config.Family) []string {
	if family == config.IPv6 {
		return []string{
			"2001:db8:a::5", "2001:db8:b::1", "2001:db8:c::9", "2001:db8:c::82",
			"2001:db8:1::15", "2001:db8:1::f", "2001:db8:1::15", "2001:db8:1::16", "2001:db8:1::c8",
		}
	}
	return []string{
		"10.0.0.5", "192.0.2.1", "203.0.113.9", "203.0.113.130",
		"198.51.100.21", "198.51.100.15", "198.51.100.21", "198.51.100.22", "198.51.100.200",
	}
}

func addressPattern(family config.Family) *regexp.Regexp {
	if family == config.IPv6 {
		return regexp.MustCompile(`\b2001:[0-9a-f:]*(/\d+\b)?`)
	}
	return regexp.MustCompile(`\d+\.\d+\.\d+\.\d+(/\d+\b)?`)
}

// addressesOf is a script for a namespace with the VIPs of the family.
func addressesOf(family config.Family) string {
	if family == config.IPv6 {
		return "sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.wire.accept_ra=0 net.ipv6.conf.wire.addr_gen_mode=1\nip link set lo up\n" +
			"ip address add 2001:db8:b::c8/128 dev wire nodad\nip -6 route add default dev wire\nip -6 route add local 2001:db8:1::/120 dev lo\n"
	}
	return "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wire.rp_filter=0 net.ipv6.conf.all.disable_ipv6=1\nip link set lo up\n" +
		"ip address add 192.0.2.200/32 dev wire\nip route add default dev wire\nip route add local 198.51.100.0/24 dev lo\n"
}

// behindTarget is rules behind a target: marks show whether it ends the chain, and the mark of the
// connection.
func behindTarget(family config.Family) string {
	if family == config.IPv6 {
		return "-s 2001:db8:a::/48 -j MARK --or-mark 0x20\n-s 2001:db8:c::/64 -j CONNMARK --restore-mark"
	}
	return "-s 10.0.0.0/8 -j MARK --or-mark 0x20\n-s 203.0.113.0/24 -j CONNMARK --restore-mark"
}

// echoProtocol is the number of ICMP or ICMPv6.
func echoProtocol(family config.Family) uint8 {
	if family == config.IPv6 {
		return unix.IPPROTO_ICMPV6
	}
	return unix.IPPROTO_ICMP
}

// echoRequest is of ICMP (RFC 792) or ICMPv6 (RFC 4443), without its checksum.
func echoRequest(to netip.Addr) []byte {
	if to.Is6() {
		return []byte{128, 0, 0, 0, 0, 1, 0, 1}
	}
	return []byte{8, 0, 0, 0, 0, 1, 0, 1}
}

// echoBytes returns the first bytes of an echo request, where other protocols have ports.
func echoBytes(from, to netip.Addr) [2]uint16 {
	b := echoRequest(to)
	first := binary.BigEndian.Uint16(b)
	if to.Is4() {
		return [2]uint16{first, checksum(b)}
	}
	pseudo := append(append(from.AsSlice(), to.AsSlice()...), 0, 0, 0, byte(len(b)), 0, 0, 0, unix.IPPROTO_ICMPV6)
	return [2]uint16{first, checksum(pseudo, b)}
}

func etherType(a netip.Addr) uint16 {
	if a.Is6() {
		return unix.ETH_P_IPV6
	}
	return unix.ETH_P_IP
}

// headersOfIPv6 are extension headers that a packet has ahead of that of its protocol (RFC 8200).
func headersOfIPv6() [][]uint8 {
	const hop, routing, fragment, options = unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_FRAGMENT, unix.IPPROTO_DSTOPTS
	return [][]uint8{{hop}, {options}, {routing}, {fragment}, {hop, options}, {options, fragment}, {hop, routing, options}}
}

// bytes returns the IP packet with the number.
func (q rulePacket) bytes(number int) []byte {
	b, headerLength := ipPacket(q.Packet, number), 20
	if q.To.Addr().Is6() {
		headerLength = 40
	}
	if q.Protocol == echoProtocol(config.FamilyOf(q.To.Addr())) {
		copy(b[headerLength:], echoRequest(q.To.Addr()))
		binary.BigEndian.PutUint16(b[headerLength+2:], q.To.Port())
		b = b[:headerLength+len(echoRequest(q.To.Addr()))]
	}
	if q.To.Addr().Is6() {
		return q.withHeaders(b)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	if q.fragment {
		binary.BigEndian.PutUint16(b[6:], 1<<13)
	}
	return withChecksum(b)
}

// withHeaders adds the extension headers of IPv6.
func (q rulePacket) withHeaders(b []byte) []byte {
	headers := q.headers
	if q.fragment {
		headers = append(headers[:len(headers):len(headers)], unix.IPPROTO_FRAGMENT)
	}
	fixed, rest, next := b[:40:40], b[40:], q.Protocol
	for i := len(headers) - 1; i >= 0; i-- {
		h := []byte{next, 0, 1, 4, 0, 0, 0, 0} // PadN
		switch headers[i] {
		case unix.IPPROTO_FRAGMENT:
			h = binary.BigEndian.AppendUint32([]byte{next, 0, 0, 0}, q.id)
			if q.fragment && i == len(headers)-1 {
				h[3] = 1 // more fragments
			}
		case unix.IPPROTO_ROUTING:
			h = []byte{next, 0, 253, 0, 0, 0, 0, 0} // a type for experiments (RFC 4727), at its end
		}
		rest, next = append(h, rest...), headers[i]
	}
	fixed[6] = next
	binary.BigEndian.PutUint16(fixed[4:], uint16(len(rest)))
	return append(fixed, rest...)
}

// markRecorder records the mark of each packet by its number, and drops it: so each packet is the
// first of its connection. With states, the mark is the number of the state.
func markRecorder(family config.Family, states string) string {
	number := "ip id"
	if family == config.IPv6 {
		number = "ip6 flowlabel"
	}
	return fmt.Sprintf(`table %[1]s recorder
delete table %[1]s recorder
table %[1]s recorder {
	set seen {
		typeof %[2]s . meta mark
		size 65535
		flags dynamic
	}
	chain record {
		type filter hook prerouting priority 0; policy accept;
		iifname != "%[3]s" drop
		%[4]s
		add @seen { %[2]s . meta mark } drop
		drop
	}
}
`, nftFamily(family), number, receiver, states)
}

// marksOf returns what the recorder has seen, by the number of the packet.
func marksOf(t *testing.T, n *Namespace, family config.Family) map[int]uint32 {
	t.Helper()
	text, err := n.Run("", "nft", "-j", "list", "set", nftFamily(family), "recorder", "seen")
	require.NoError(t, err)
	var list struct {
		NFTables []struct {
			Set *struct {
				Elem []struct{ Concat []uint32 }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	seen := map[int]uint32{}
	for _, object := range list.NFTables {
		if object.Set != nil {
			for _, e := range object.Set.Elem {
				require.NotContains(t, seen, int(e.Concat[0]))
				seen[int(e.Concat[0])] = e.Concat[1]
			}
		}
	}
	return seen
}

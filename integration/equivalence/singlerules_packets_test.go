package equivalence

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A rulePacket is a packet for single rules.
type rulePacket struct {
	exact.Packet
	fragment bool // the first one of a packet
}

// vipNetwork is the network of all destinations: the namespace has its addresses.
var vipNetwork = netip.MustParsePrefix("198.51.100.0/24")

// A packetPool is the values of which packets are made: the ends of the ranges of rules, and those
// next to them.
type packetPool struct {
	r                    *rand.Rand
	sources, vips        []netip.Addr
	ports                []uint16
	protocols, sometimes []uint8
}

func newPacketPool(r *rand.Rand, rules string) *packetPool {
	p := &packetPool{r: r, protocols: []uint8{6, 6, 6, 17, 132}, sometimes: []uint8{1, 47, 50, 51, 136, 4, 33}}
	addAddress := func(a netip.Addr) {
		switch {
		case !vipNetwork.Contains(a) && a.IsGlobalUnicast() && a.As4()[0] < 224:
			p.sources = append(p.sources, a)
		case vipNetwork.Contains(a) && a.As4()[3] != 0 && a.As4()[3] != 255:
			p.vips = append(p.vips, a)
		}
	}
	address := regexp.MustCompile(`\d+\.\d+\.\d+\.\d+(/\d+\b)?`)
	for _, text := range address.FindAllString(rules, -1) {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			network = netip.PrefixFrom(netip.MustParseAddr(strings.SplitN(text, "/", 2)[0]), 32)
		}
		first := network.Masked().Addr().As4()
		last := binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(first[:])|uint32(1<<(32-network.Bits())-1))
		for _, end := range []netip.Addr{netip.AddrFrom4(first), netip.AddrFrom4([4]byte(last))} {
			for _, a := range []netip.Addr{end.Prev(), end, end.Next()} {
				if a.IsValid() {
					addAddress(a)
				}
			}
		}
	}
	for _, text := range regexp.MustCompile(`\b\d{2,5}\b`).FindAllString(address.ReplaceAllString(rules, ""), -1) {
		if n, err := strconv.ParseUint(text, 10, 16); err == nil {
			p.ports = append(p.ports, uint16(n), uint16(n-1), uint16(n+1))
		}
	}
	for _, a := range []string{"10.0.0.5", "192.0.2.1", "203.0.113.9", "203.0.113.130", "198.51.100.21", "198.51.100.15", "198.51.100.21", "198.51.100.22", "198.51.100.200"} {
		addAddress(netip.MustParseAddr(a))
	}
	p.ports = append(p.ports, 20, 20, 21, 21, 21, 22, 80, 1023, 1024, 15000, 40000, 65535)
	return p
}

func pickOf[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// packet returns a random packet of the pool; every sixth goes in the other direction: from a VIP.
func (p *packetPool) packet() rulePacket {
	protocol := pickOf(p.r, p.protocols)
	if p.r.IntN(5) == 0 {
		protocol = pickOf(p.r, p.sometimes)
	}
	q := rulePacket{Packet: exact.Packet{Protocol: protocol, Device: receiver, FromType: exact.Unicast, MAC: oldconfig.Number{Low: 2<<40 + 1 + uint64(p.r.IntN(2))}}}
	from, to := pickOf(p.r, p.sources), pickOf(p.r, p.vips)
	if p.r.IntN(6) == 0 {
		from, q.FromType = pickOf(p.r, p.vips), 0 // RTN_LOCAL
	}
	var ports [2]uint16
	if hasPorts(protocol) {
		ports = [2]uint16{pickOf(p.r, p.ports), pickOf(p.r, p.ports)}
	}
	if protocol == unix.IPPROTO_ICMP {
		ports = [2]uint16{8 << 8, checksum(echoRequest)} // rules of nft may test these bytes: type, code, checksum
	}
	q.From, q.To = netip.AddrPortFrom(from, ports[0]), netip.AddrPortFrom(to, ports[1])
	if protocol == unix.IPPROTO_TCP {
		q.Flags = pickOf(p.r, []uint8{exact.SYN, exact.SYN, exact.SYN, exact.ACK, exact.SYN | exact.ACK, exact.RST, exact.FIN | exact.ACK, exact.FIN, 0, 0x3f, exact.SYN | exact.FIN, 0x29, uint8(p.r.Uint32())})
	}
	q.fragment = p.r.IntN(12) == 0
	return q
}

func hasPorts(protocol uint8) bool {
	return slices.Contains([]uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_SCTP, unix.IPPROTO_UDPLITE, unix.IPPROTO_DCCP}, protocol)
}

// packets returns different packets.
func (p *packetPool) packets(n int) (list []rulePacket) {
	seen := map[string]bool{}
	for range n {
		if q := p.packet(); !seen[q.String()] {
			seen[q.String()] = true
			list = append(list, q)
		}
	}
	return list
}

// echoRequest is of ICMP (RFC 792), without its checksum.
var echoRequest = []byte{8, 0, 0, 0, 0, 1, 0, 1}

// bytes returns the IP packet with the number.
func (q rulePacket) bytes(number int) []byte {
	b := ipPacket(q.Packet, number)
	if q.Protocol == unix.IPPROTO_ICMP {
		copy(b[20:], echoRequest)
		binary.BigEndian.PutUint16(b[22:], q.To.Port())
	}
	if q.fragment {
		binary.BigEndian.PutUint16(b[6:], 1<<13)
		b = withChecksum(b)
	}
	return b
}

// markRecorder records the mark of each packet by its number, and drops it: so each packet is the
// first of its connection. With states, the mark is the number of the state.
func markRecorder(priority int, states string) string {
	return fmt.Sprintf(`table ip recorder {
	set seen {
		typeof ip id . meta mark
		size 65535
		flags dynamic
	}
	chain record {
		type filter hook prerouting priority %d; policy accept;
		iifname != "%s" drop
		%s
		add @seen { ip id . meta mark } drop
		drop
	}
}
`, priority, receiver, states)
}

// marksOf returns what the recorder has seen, by the number of the packet.
func marksOf(t *testing.T, n *Namespace) map[int]uint32 {
	t.Helper()
	text, err := n.Run("", "nft", "-j", "list", "set", "ip", "recorder", "seen")
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

// sendAll sends packets with their numbers, from 1.
func (l *lan) sendAll(t *testing.T, packets []rulePacket) {
	t.Helper()
	for i, p := range packets {
		frame := append(append([]byte{}, l.mac...), 2, 0, 0, 0, 0, byte(p.MAC.Low))
		frame = binary.BigEndian.AppendUint16(frame, unix.ETH_P_IP)
		_, err := unix.Write(l.tap, append(frame, p.bytes(i+1)...))
		require.NoError(t, err, p)
	}
}

package equivalence

import (
	"encoding/binary"
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

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A rulePacket is a packet for single rules.
type rulePacket struct {
	exact.Packet
	fragment bool    // the first one of a packet
	headers  []uint8 // of IPv6, ahead of that of the protocol
	id       uint32  // of its fragments in IPv6
}

// A packetPool is the values of which packets are made: the ends of the ranges of rules, and those
// next to them.
type packetPool struct {
	r                    *rand.Rand
	family               config.Family
	sources, vips        []netip.Addr
	ports                []uint16
	protocols, sometimes []uint8
}

func newPacketPool(r *rand.Rand, family config.Family, rules string) *packetPool {
	p := &packetPool{r: r, family: family, protocols: []uint8{6, 6, 6, 17, 132}, sometimes: []uint8{echoProtocol(family), 47, 50, 51, 136, 4, 33}}
	vips := vipNetwork(family)
	addAddress := func(a netip.Addr) {
		last := a.AsSlice()[family.Bits()/8-1]
		switch {
		case !vips.Contains(a) && a.IsGlobalUnicast() && (a.Is6() || a.As4()[0] < 224):
			p.sources = append(p.sources, a)
		case vips.Contains(a) && last != 0 && last != 255:
			p.vips = append(p.vips, a)
		}
	}
	address := addressPattern(family)
	for _, text := range address.FindAllString(rules, -1) {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(strings.SplitN(text, "/", 2)[0])
			if err != nil || a.Is4() != (family == config.IPv4) {
				continue
			}
			network = netip.PrefixFrom(a, family.Bits())
		}
		for _, end := range []netip.Addr{network.Masked().Addr(), lastOf(network)} {
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
	for _, a := range usualAddresses(family) {
		addAddress(netip.MustParseAddr(a))
	}
	p.ports = append(p.ports, 20, 20, 21, 21, 21, 22, 80, 1023, 1024, 15000, 40000, 65535)
	return p
}

// lastOf returns the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(b); bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
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
	if protocol == echoProtocol(p.family) {
		ports = echoBytes(from, to) // rules of nft may test these bytes: type, code, checksum
	}
	q.From, q.To = netip.AddrPortFrom(from, ports[0]), netip.AddrPortFrom(to, ports[1])
	if protocol == unix.IPPROTO_TCP {
		q.Flags = pickOf(p.r, []uint8{exact.SYN, exact.SYN, exact.SYN, exact.ACK, exact.SYN | exact.ACK, exact.RST, exact.FIN | exact.ACK, exact.FIN, 0, 0x3f, exact.SYN | exact.FIN, 0x29, uint8(p.r.Uint32())})
	}
	q.fragment, q.id = p.r.IntN(12) == 0, p.r.Uint32()
	if p.family == config.IPv6 && p.r.IntN(4) == 0 {
		q.headers = pickOf(p.r, headersOfIPv6())
	}
	return q
}

func hasPorts(protocol uint8) bool {
	return slices.Contains([]uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_SCTP, unix.IPPROTO_UDPLITE, unix.IPPROTO_DCCP}, protocol)
}

// packets returns different packets.
func (p *packetPool) packets(n int) (list []rulePacket) {
	seen := map[string]bool{}
	for range n {
		q := p.packet()
		if key := fmt.Sprint(q.Packet, q.fragment, q.headers); !seen[key] {
			seen[key] = true
			list = append(list, q)
		}
	}
	return list
}

// sendAll sends packets with their numbers, from 1.
func (l *lan) sendAll(t *testing.T, packets []rulePacket) {
	t.Helper()
	for i, p := range packets {
		frame := append(append([]byte{}, l.mac...), 2, 0, 0, 0, 0, byte(p.MAC.Low))
		frame = binary.BigEndian.AppendUint16(frame, etherType(p.To.Addr()))
		_, err := unix.Write(l.tap, append(frame, p.bytes(i+1)...))
		require.NoError(t, err, p)
	}
}

package dataplane

import (
	"math/rand/v2"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/bench/packets"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A stream is a kind of packets.
type stream string

const (
	toLast   stream = "the last VIP"
	toRandom stream = "a random VIP"

	// The same, but not the first packets of their connections.
	laterToLast   stream = "the last VIP, not the first packet"
	laterToRandom stream = "a random VIP, not the first packet"

	// Packets without a mark, otherwise like packets to a random VIP.
	foreignAddress stream = "foreign address"
	nearAddress    stream = "foreign address in the VIPs' network"
	foreignPort    stream = "foreign port"
	foreign        stream = "foreign address and port"
	udp            stream = "UDP"
)

// notOurs returns the streams of packets that get no mark.
func notOurs() []stream { return []stream{foreignPort, udp, foreign, foreignAddress, nearAddress} }

// list returns at most most packets of a stream, in the order of sending. Random packets
// are the same in each run.
func (st stream) list(s site, most int) []equivalence.Packet {
	if st == toLast || st == laterToLast {
		return []equivalence.Packet{s.data(s.vips - 1)}
	}
	r := rand.New(rand.NewPCG(1, 2))
	n := 16 * s.vips
	if s.shards > 0 {
		n = packets.MaxPackets // to most ports
	}
	list := make([]equivalence.Packet, min(n, packets.MaxPackets, most))
	for i := range list {
		list[i] = st.alter(s.draw(r))
	}
	return list
}

// flags returns the flags of TCP.
func (st stream) flags() byte {
	if st == laterToLast || st == laterToRandom {
		return packets.FlagACK
	}
	return packets.FlagSYN
}

// alter changes a marked packet to one of the stream. Packets of the stream foreign are
// like replies of real servers, with another address and another port.
func (st stream) alter(p equivalence.Packet) equivalence.Packet {
	const webPort, clientPort = 443, 40000
	switch st {
	case foreignAddress:
		p.To = inOtherNetwork(p.To)
	case nearAddress:
		p.To = inSameNetwork(p.To)
	case foreignPort:
		p.Port = webPort
	case foreign:
		p.To, p.Port = inOtherNetwork(p.To), clientPort
	case udp:
		p.Protocol = unix.IPPROTO_UDP
	}
	return p
}

// inSameNetwork returns an address that is not a VIP, different for each VIP, in the
// network of the VIPs.
func inSameNetwork(vip netip.Addr) netip.Addr {
	a := vip.AsSlice()
	a[len(a)-2] |= 0x80
	return addressOf(a)
}

// inOtherNetwork returns an address in another network, different for each VIP.
func inOtherNetwork(vip netip.Addr) netip.Addr {
	a := vip.AsSlice()
	end := 2 // of the network
	if vip.Is6() {
		end = 4
	}
	a[end-1]++
	return addressOf(a)
}

// addressOf converts 4 or 16 bytes.
func addressOf(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

package dataplane

import (
	"math/rand/v2"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/bench/packets"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A stream says which packets come.
type stream string

const (
	toLast   stream = "the last VIP"
	toRandom stream = "a random VIP"

	// Not ours, each otherwise like the packets to a random VIP.
	foreignAddress stream = "foreign address"
	nearAddress    stream = "foreign address in the VIPs' network"
	foreignPort    stream = "foreign port"
	foreign        stream = "foreign address and port"
	udp            stream = "UDP"
)

// notOurs are the streams of packets that get no mark.
func notOurs() []stream { return []stream{foreignPort, udp, foreign, foreignAddress, nearAddress} }

// list are the packets of a stream in the order in which they come, at most so
// many. Random ones are drawn, and always the same.
func (st stream) list(s site, most int) []equivalence.Packet {
	if st == toLast {
		return []equivalence.Packet{s.data(s.vips - 1)}
	}
	r := rand.New(rand.NewPCG(1, 2))
	list := make([]equivalence.Packet, min(16*s.vips, packets.MostPackets, most))
	for i := range list {
		list[i] = st.alter(s.data(r.IntN(s.vips)))
	}
	return list
}

// alter makes of a packet that is ours one of the stream. What comes back from
// real servers has neither an address nor a port of ours.
func (st stream) alter(p equivalence.Packet) equivalence.Packet {
	const webPort, clientPort = 443, 40000
	switch st {
	case foreignAddress:
		p.To = elsewhere(p.To)
	case nearAddress:
		p.To = near(p.To)
	case foreignPort:
		p.Port = webPort
	case foreign:
		p.To, p.Port = elsewhere(p.To), clientPort
	case udp:
		p.Protocol = unix.IPPROTO_UDP
	}
	return p
}

// near is an address that is no VIP, another one for each, in the network that holds
// all of them.
func near(vip netip.Addr) netip.Addr {
	a := vip.AsSlice()
	a[len(a)-2] |= 0x80
	return addressOf(a)
}

// elsewhere is the same in another network.
func elsewhere(vip netip.Addr) netip.Addr {
	a := vip.AsSlice()
	end := 2 // of the network
	if vip.Is6() {
		end = 4
	}
	a[end-1]++
	return addressOf(a)
}

// addressOf takes 4 or 16 bytes.
func addressOf(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

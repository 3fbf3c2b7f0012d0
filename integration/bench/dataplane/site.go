package dataplane

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A site is what all contenders mark alike: so many VIPs, each with a mark of its
// own, and so many port profiles, which the VIPs have in turn.
type site struct{ vips, profiles int }

func (s site) String() string {
	return measure.Count(s.vips, "VIP") + ", " + measure.Count(s.profiles, "port profile")
}

const (
	controlPort = 21
	firstMark   = 1000
)

func (s site) vip(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 128, byte(i >> 8), byte(i)}) }

func (s site) mark(i int) uint32 { return uint32(firstMark + i) }

// markOf is the mark of a VIP.
func (s site) markOf(vip netip.Addr) uint32 {
	a := vip.As4()
	return s.mark(int(a[2])<<8 | int(a[3]))
}

// passive are the first and the last passive port of a VIP.
func (s site) passive(i int) (low, high uint16) {
	shift := uint16(100 * (i % s.profiles))
	return 10000 + shift, 20000 + shift
}

// spec is the site as lvsmark reads it. Nothing is bound or translated: what a
// packet meets is the marking alone, as with all others.
func (s site) spec() string {
	var b strings.Builder
	b.WriteString("clusters:\n")
	for i := range s.vips {
		low, high := s.passive(i)
		fmt.Fprintf(&b, "  - {name: c%d, mark: %d, vips: [%s], ftp: {passive-ports: %d-%d, active-data: {translate: none}}, forwarding: nat, real-servers: [{address: 10.0.0.11}]}\n",
			i, s.mark(i), s.vip(i), low, high)
	}
	b.WriteString("director: {bind: false, ip-forward: false}\n")
	return b.String()
}

// data is a packet of a data connection to a VIP.
func (s site) data(i int) equivalence.Packet {
	low, high := s.passive(i)
	return equivalence.Packet{To: s.vip(i), Protocol: unix.IPPROTO_TCP, Port: low + (high-low)/2}
}

// marks are those of the packets of all VIPs.
func (s site) marks() map[equivalence.Packet]uint32 {
	marks := make(map[equivalence.Packet]uint32, s.vips)
	for i := range s.vips {
		marks[s.data(i)] = s.mark(i)
	}
	return marks
}

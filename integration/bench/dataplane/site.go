package dataplane

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A site is the configuration that all peers implement: a number of VIPs, each with its
// own mark, and a number of port profiles, which the VIPs have in rotation.
type site struct {
	family         config.Family
	vips, profiles int
	shards         int  // passive shards of the only cluster, see shards.go; 0: each VIP has a cluster without
	network        int  // addresses of each network, see networks.go; 0: the VIPs are single addresses
	input          bool // the VIPs are local, and packets are dropped in the input hook, not in prerouting
}

func (s site) String() string {
	text := s.prefix() + measure.Count(s.vips, "VIP") + s.inNetworks() + s.ofShards() + ", " + measure.Count(s.profiles, "port profile")
	if s.input {
		text += ", up to the input hook"
	}
	return text
}

// prefix returns the prefix of names: none for IPv4.
func (s site) prefix() string {
	if s.family == config.IPv4 {
		return ""
	}
	return s.family.String() + ", "
}

const (
	controlPort = 21
	firstMark   = 1000
)

// vip returns the VIP number i, an address in 10.128.0.0/16 or in 2001:db8::/32.
func (s site) vip(i int) netip.Addr {
	if s.family == config.IPv4 {
		return netip.AddrFrom4([4]byte{10, 128, byte(i >> 8), byte(i)})
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(i >> 8), 15: byte(i)})
}

// server returns the address of all real servers.
func (s site) server() string {
	if s.family == config.IPv4 {
		return "10.0.0.11"
	}
	return "fd00::11"
}

// addressType returns the type of addresses in nft.
func (s site) addressType() string { return strings.ToLower(s.family.String()) + "_addr" }

// table returns the family of tables in nft.
func (s site) table() string {
	if s.family == config.IPv4 {
		return "ip"
	}
	return "ip6"
}

func (s site) mark(i int) uint32 { return uint32(firstMark + s.cluster(i)) }

// markOf returns the mark of a VIP.
func (s site) markOf(vip netip.Addr) uint32 {
	a := vip.AsSlice()
	n := len(a)
	return s.mark(int(a[n-2])<<8 | int(a[n-1]))
}

// passive returns the first and the last passive port of a VIP.
func (s site) passive(i int) (low, high uint16) {
	offset := uint16(100 * (i % s.profiles))
	return 10000 + offset, 20000 + offset
}

// spec returns the site as a spec of lvsmark, without IPVS services and translation, so
// that packets are only marked, as with the other peers.
func (s site) spec() string {
	if s.shards > 0 {
		return s.shardedSpec()
	}
	var b strings.Builder
	b.WriteString("clusters:\n")
	for i := 0; i < s.vips; i += s.size(i) {
		low, high := s.passive(i)
		vips := config.AddressRange{First: s.vip(i), Last: s.vip(i + s.size(i) - 1)}
		fmt.Fprintf(&b, "  - {name: c%d, mark: %d, vips: [%q], ftp: {passive-ports: %d-%d, active-data: {translate: none}}, forwarding: nat, real-servers: [{address: %q}]}\n",
			i, s.mark(i), vips, low, high, s.server())
	}
	b.WriteString("director: {bind: false, ip-forward: false}\n")
	return b.String()
}

// data returns a packet of a data connection to a VIP.
func (s site) data(i int) equivalence.Packet {
	low, high := s.passive(i)
	return equivalence.Packet{To: s.vip(i), Protocol: unix.IPPROTO_TCP, Port: low + (high-low)/2}
}

// marks returns the packets of all VIPs with their marks; of a network, of some VIPs.
func (s site) marks() map[equivalence.Packet]uint32 {
	if s.shards > 0 {
		return s.shardedMarks()
	}
	marks := make(map[equivalence.Packet]uint32, s.vips)
	for i := range s.vips {
		if s.isVerified(i) {
			marks[s.data(i)] = s.mark(i)
		}
	}
	return marks
}

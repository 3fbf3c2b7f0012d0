package nft

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// A Family is the address family of a table: NFPROTO_* of linux/netfilter.h. It differs from
// config.Family, which has IPv4 and IPv6 only.
type Family uint8

// The families of nft(8), "ADDRESS FAMILIES".
const (
	IPv4   Family = unix.NFPROTO_IPV4
	IPv6   Family = unix.NFPROTO_IPV6
	Inet   Family = unix.NFPROTO_INET // IPv4 and IPv6
	ARP    Family = unix.NFPROTO_ARP
	Bridge Family = unix.NFPROTO_BRIDGE
	Netdev Family = unix.NFPROTO_NETDEV
)

// Families returns the families of lvsmark's tables, in the order of compilation.
func Families() []Family { return []Family{IPv4, IPv6} }

// String returns the family in nft syntax: "ip", "ip6", "inet", ….
func (f Family) String() string {
	switch f {
	case IPv4:
		return "ip"
	case IPv6:
		return "ip6"
	case Inet:
		return "inet"
	case ARP:
		return "arp"
	case Bridge:
		return "bridge"
	case Netdev:
		return "netdev"
	}
	return fmt.Sprintf("family %d", uint8(f))
}

// familyOf returns the table family of a spec family.
func familyOf(f config.Family) Family {
	if f == config.IPv4 {
		return IPv4
	}
	return IPv6
}

// ofSpec returns the spec family of one of lvsmark's tables; see familyOf.
func (f Family) ofSpec() config.Family {
	if f == IPv4 {
		return config.IPv4
	}
	return config.IPv6
}

package nft

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// A Family is the address family of a table: NFPROTO_* of linux/netfilter.h. It is
// a type of its own, for a spec knows IPv4 and IPv6 alone.
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

// Families lists those of lvsmark's tables, in the order in which they are compiled.
func Families() []Family { return []Family{IPv4, IPv6} }

// String is the family as nft writes it: "ip", "ip6", "inet", …
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

// familyOf is the family of the tables for a family of the spec.
func familyOf(f config.Family) Family {
	if f == config.IPv4 {
		return IPv4
	}
	return IPv6
}

// ofSpec is the family of the spec that a table of lvsmark's is for; see familyOf.
func (f Family) ofSpec() config.Family {
	if f == IPv4 {
		return config.IPv4
	}
	return config.IPv6
}

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

// Hooks of chains. The family netdev has other hooks, for example NetdevIngress.
// google/nftables has hooks and priorities as pointer variables; a test compares them.
const (
	HookPrerouting  uint32 = unix.NF_INET_PRE_ROUTING
	HookInput       uint32 = unix.NF_INET_LOCAL_IN
	HookForward     uint32 = unix.NF_INET_FORWARD
	HookOutput      uint32 = unix.NF_INET_LOCAL_OUT
	HookPostrouting uint32 = unix.NF_INET_POST_ROUTING
	HookIngress     uint32 = unix.NF_INET_NUMHOOKS // NF_INET_INGRESS, of family inet
	NetdevIngress   uint32 = unix.NF_NETDEV_INGRESS
)

// Standard priorities of chains (nft(8), "CHAINS").
const (
	PriorityRaw       int32 = -300
	PriorityMangle    int32 = -150
	PriorityNATDest   int32 = -100
	PriorityFilter    int32 = 0
	PrioritySecurity  int32 = 50
	PriorityNATSource int32 = 100
)

func hookName(hook uint32) string {
	names := []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}
	if int(hook) < len(names) {
		return names[hook]
	}
	return fmt.Sprint(hook)
}

// priorityName returns a priority as nft prints it: by the name of a standard priority if
// it differs by at most 10 (std_prio_lookup in src/rule.c of nft), as in "srcnat - 1". Some
// names are of one hook.
func priorityName(hook uint32, p int32) string {
	names := map[int32]string{PriorityRaw: "raw", PriorityMangle: "mangle", PriorityFilter: "filter", PrioritySecurity: "security"}
	switch hook {
	case HookPrerouting:
		names[PriorityNATDest] = "dstnat"
	case HookPostrouting:
		names[PriorityNATSource] = "srcnat"
	}
	for standard, name := range names {
		switch offset := p - standard; {
		case offset == 0:
			return name
		case offset > 0 && offset <= 10:
			return fmt.Sprintf("%s + %d", name, offset)
		case offset < 0 && offset >= -10:
			return fmt.Sprintf("%s - %d", name, -offset)
		}
	}
	return fmt.Sprint(p)
}

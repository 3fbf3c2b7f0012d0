package config

import (
	"fmt"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v4"
)

// vip decodes addresses that clients connect to: one, a network or a range.
func (d *decoder) vip(n *yaml.Node, what string) (AddressRange, bool) {
	if d.describes(Shape{Kind: ShapeVIPs}) {
		return AddressRange{}, true
	}
	text, ok := d.text(n, what)
	if !ok {
		return AddressRange{}, false
	}
	r, problem := parseVIP(text)
	if problem == "" {
		problem = vipProblem(r)
	}
	if problem != "" {
		d.fail(n, "%s %s %s", what, clipText(text), problem)
		return AddressRange{}, false
	}
	return r, true
}

// parseVIP returns the addresses, or the problem as the end of a sentence that begins with
// the text.
func parseVIP(text string) (r AddressRange, problem string) {
	if strings.Contains(text, "/") {
		return parseVIPNetwork(text)
	}
	if first, last, isRange := strings.Cut(text, "-"); isRange {
		if low, err := netip.ParseAddr(first); err == nil {
			return parseVIPRange(low, last)
		}
	}
	addr, problem := parseAddress(text)
	return SingleAddress(addr), problem
}

func parseVIPNetwork(text string) (r AddressRange, problem string) {
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return r, "is not a network; give one like 192.0.2.0/28 or 2001:db8::/64"
	case prefix.Addr().Is4In6():
		return r, "is IPv4-mapped; write it as an IPv4 network"
	case prefix.IsSingleIP():
		return r, "has a prefix length; write " + prefix.Addr().String()
	case prefix.Bits() == 0:
		return r, "is every address; give the network of the VIPs"
	case prefix != prefix.Masked():
		return r, fmt.Sprintf("has host bits set; write %s for the network or %s for the address", prefix.Masked(), prefix.Addr())
	}
	return RangeOfPrefix(prefix), ""
}

func parseVIPRange(first netip.Addr, text string) (r AddressRange, problem string) {
	last, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return r, fmt.Sprintf("is not a range; give both addresses in full, like %s-%s", first, lastExample(first))
	case first.Zone() != "" || last.Zone() != "":
		return r, "has a zone, which IPVS cannot keep; give global or unique local addresses"
	case first.Is4In6() || last.Is4In6():
		return r, "is IPv4-mapped; write IPv4 addresses"
	case first.BitLen() != last.BitLen():
		return r, "has addresses of both families; give a range of one"
	case last == first:
		return r, "is one address; write " + first.String()
	case last.Less(first):
		return r, fmt.Sprintf("ends before it begins; write %s-%s", last, first)
	}
	return AddressRange{first, last}, ""
}

// lastExample returns an address behind the first one of a range.
func lastExample(first netip.Addr) netip.Addr {
	if last := first.WithZone("").Next(); last.IsValid() {
		return last
	}
	return first.WithZone("")
}

// vipProblem returns why clients cannot reach an address of the range as the end of a
// sentence that begins with the range; empty: they can.
func vipProblem(r AddressRange) string {
	if r.IsSingle() {
		if r.First.IsLoopback() {
			return "is a loopback address, which no client reaches; give the address that clients connect to"
		}
		return ""
	}
	for _, other := range unreachable() {
		if network := netip.MustParsePrefix(other.network); r.Overlaps(RangeOfPrefix(network)) {
			return fmt.Sprintf("contains addresses of %s, which are %s; give addresses that clients connect to", network, other.is)
		}
	}
	return ""
}

// An unreachableNetwork has addresses that no client connects to; see parseAddress.
type unreachableNetwork struct{ network, is string }

func unreachable() []unreachableNetwork {
	return []unreachableNetwork{
		{"0.0.0.0/8", "no destination"},
		{"127.0.0.0/8", "loopback"},
		{"224.0.0.0/4", "multicast"},
		{"240.0.0.0/4", "reserved"},
		{"::/127", "unspecified or loopback"},
		{"::ffff:0:0/96", "IPv4-mapped"},
		{"fe80::/10", "link-local"},
		{"ff00::/8", "multicast"},
	}
}

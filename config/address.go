package config

import (
	"fmt"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v4"
)

// address decodes the address of one host that packets can be sent to.
func (d *decoder) address(n *yaml.Node, what string) (netip.Addr, bool) {
	if d.describes(Shape{Kind: ShapeAddress}) {
		return netip.Addr{}, true
	}
	text, ok := d.text(n, what)
	if !ok {
		return netip.Addr{}, false
	}
	return d.parsed(n, what, text, parseAddress)
}

// hostAddress decodes the address of a director that other hosts send packets to.
func (d *decoder) hostAddress(n *yaml.Node, what string) (netip.Addr, bool) {
	if d.describes(Shape{Kind: ShapeAddress}) {
		return netip.Addr{}, true
	}
	text, ok := d.text(n, what)
	if !ok {
		return netip.Addr{}, false
	}
	return d.parsed(n, what, text, parseHostAddress)
}

func (d *decoder) parsed(n *yaml.Node, what, text string, parse func(string) (netip.Addr, string)) (netip.Addr, bool) {
	addr, problem := parse(text)
	if problem != "" {
		d.fail(n, "%s %s %s", what, clipText(text), problem)
		return netip.Addr{}, false
	}
	return addr, true
}

// parseHostAddress is parseAddress for addresses that other hosts reach.
func parseHostAddress(text string) (addr netip.Addr, problem string) {
	addr, problem = parseAddress(text)
	switch {
	case addr.Is6() && addr.IsLinkLocalUnicast():
		return addr, "is link-local, which is not supported here; give a global or unique local address"
	case addr.IsLoopback():
		return addr, "is loopback, which no other host can reach; give an address of a network device"
	}
	return addr, problem
}

// parseAddress returns an address, or the problem as the end of a sentence that
// begins with the text.
func parseAddress(text string) (addr netip.Addr, problem string) {
	if !strings.Contains(text, "/") {
		// A plain address, the usual case.
	} else if prefix, err := netip.ParsePrefix(text); err == nil {
		if prefix.IsSingleIP() {
			return addr, "has a prefix length; write " + prefix.Addr().String()
		}
		return addr, "is a network; give single addresses"
	}
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return addr, "is not an IP address; give one like 192.0.2.1 or 2001:db8::1 (names are not looked up)"
	case addr.Zone() != "":
		return addr, "has a zone, which IPVS cannot keep; give a global or unique local address"
	case addr.Is4In6():
		return addr, "is IPv4-mapped; write " + addr.Unmap().String()
	case addr.IsUnspecified():
		return addr, "is unspecified; give the address of a host"
	case addr.Is4() && addr.As4()[0] == 0:
		return addr, "is in 0.0.0.0/8, to which no packet can be sent; give the address of a host"
	case addr.Is4() && addr.As4()[0] >= 240 && addr != netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return addr, "is in 240.0.0.0/4, which is reserved; give the address of a host"
	case addr.IsMulticast():
		return addr, "is multicast; give a unicast address"
	case addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return addr, "is broadcast; give a unicast address"
	case addr.Is6() && addr.IsLinkLocalUnicast():
		return addr, "is link-local and IPVS keeps no zone; give a global or unique local address"
	}
	return addr, ""
}

// sources decodes one network or address, or a list of them.
var sources = orSingle((*decoder).source, list("source", (*decoder).source))

func (d *decoder) source(n *yaml.Node, what string) (netip.Prefix, bool) {
	return d.network(n, what, "the real servers")
}

// network decodes a network or an address; of names those in it, for messages.
func (d *decoder) network(n *yaml.Node, what, of string) (netip.Prefix, bool) {
	if d.describes(Shape{Kind: ShapeNetwork}) {
		return netip.Prefix{}, true
	}
	text, ok := d.text(n, what)
	if !ok {
		return netip.Prefix{}, false
	}
	prefix, problem := parseSource(text, of)
	if problem != "" {
		d.fail(n, "%s %s %s", what, clipText(text), problem)
		return netip.Prefix{}, false
	}
	return prefix, true
}

// parseSource returns a network, or the problem as the end of a sentence that
// begins with the text.
func parseSource(text, of string) (prefix netip.Prefix, problem string) {
	if !strings.Contains(text, "/") {
		addr, problem := parseAddress(text)
		if problem != "" {
			return prefix, problem
		}
		return hostPrefix(addr), ""
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return prefix, "is not a network; give one like 10.0.0.0/24, or a single address"
	case prefix.Addr().Is4In6():
		return prefix, "is IPv4-mapped; write it as an IPv4 network"
	case prefix != prefix.Masked():
		return prefix, fmt.Sprintf("has host bits set; write %s for the network or %s for the host", prefix.Masked(), prefix.Addr())
	case prefix.Bits() == 0:
		return prefix, "is every address; give the network of " + of
	case prefix.Addr().IsMulticast():
		return prefix, "is multicast; give the network of " + of
	}
	return prefix, ""
}

// hostPrefix returns the /32 or /128 of an address.
func hostPrefix(addr netip.Addr) netip.Prefix { return netip.PrefixFrom(addr, addr.BitLen()) }

// clipText returns the text of an address for a message: unquoted if it has only
// characters of addresses, else quoted.
func clipText(text string) string {
	if text == "" || strings.Trim(text, "0123456789abcdefABCDEF.:/-") != "" {
		return quote(text)
	}
	return clip(text)
}

package iptables

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// parseNumber reads a number as strtoul(3) with base 0: decimal, octal after 0, or
// hexadecimal after 0x.
func parseNumber(text string, limit uint64) (uint64, bool) {
	base, digits := 10, text
	switch lower := strings.ToLower(text); {
	case strings.HasPrefix(lower, "0x"):
		base, digits = 16, text[2:]
	case len(text) > 1 && text[0] == '0':
		base, digits = 8, text[1:]
	}
	n, err := strconv.ParseUint(digits, base, 64)
	return n, err == nil && n <= limit && !strings.HasPrefix(digits, "+")
}

// parseMark reads VALUE[/MASK]. Without a mask, the mask is all ones.
func parseMark(text string) (value, mask uint32, ok bool) {
	const all = 1<<32 - 1
	first, second, masked := strings.Cut(text, "/")
	v, ok := parseNumber(first, all)
	m := uint64(all)
	if ok && masked {
		m, ok = parseNumber(second, all)
	}
	return uint32(v), uint32(m), ok
}

// number returns n as a Number of a Range.
func number(n uint64) oldconfig.Number { return oldconfig.Number{Low: n} }

// one returns the range that contains n only.
func one(n uint64) oldconfig.Range { return oldconfig.Range{Low: number(n), High: number(n)} }

// addressNumber returns the address in network byte order.
func addressNumber(addr netip.Addr) oldconfig.Number {
	if addr.Is4() {
		b := addr.As4()
		return number(uint64(binary.BigEndian.Uint32(b[:])))
	}
	b := addr.As16()
	return oldconfig.Number{High: binary.BigEndian.Uint64(b[:8]), Low: binary.BigEndian.Uint64(b[8:])}
}

func addressRange(low, high netip.Addr) oldconfig.Range {
	return oldconfig.Range{Low: addressNumber(low), High: addressNumber(high)}
}

// allPorts returns the range of every port.
func allPorts() oldconfig.Range { return oldconfig.Range{High: number(65535)} }

// parsePorts reads PORT or LOW<separator>HIGH; either end may be missing. protocol is that of the
// names of ports; 0: any.
func parsePorts(text, separator string, protocol uint64) (oldconfig.Range, bool) {
	low, high, isRange := strings.Cut(text, separator)
	if !isRange {
		port, ok := parsePort(text, protocol)
		return one(port), ok
	}
	from, to, fromOK, toOK := uint64(0), uint64(65535), true, true
	if low != "" {
		from, fromOK = parsePort(low, protocol)
	}
	if high != "" {
		to, toOK = parsePort(high, protocol)
	}
	return oldconfig.Range{Low: number(from), High: number(to)}, fromOK && toOK && from <= to
}

// parsePort reads the number of a port, or its name in /etc/services.
func parsePort(text string, protocol uint64) (uint64, bool) {
	if port, ok := parseNumber(text, 65535); ok {
		return port, true
	}
	port := portOf(text, protocol)
	return port, port != 0
}

// parseProtocol reads a protocol of a transport: its number, or its name in
// /etc/protocols. "all" is 0.
func parseProtocol(text string) (uint64, bool) {
	if n, ok := parseNumber(text, 255); ok {
		return n, true
	}
	switch strings.ToLower(text) {
	case "all", "ip":
		return 0, true
	case "icmp":
		return 1, true
	case "igmp":
		return 2, true
	case "ipip", "ipencap":
		return 4, true
	case "tcp":
		return 6, true
	case "udp":
		return 17, true
	case "dccp":
		return 33, true
	case "ipv6":
		return 41, true
	case "gre":
		return 47, true
	case "esp":
		return 50, true
	case "ah":
		return 51, true
	case "icmpv6", "ipv6-icmp":
		return 58, true
	case "ospf":
		return 89, true
	case "vrrp":
		return 112, true
	case "sctp":
		return 132, true
	case "udplite":
		return 136, true
	}
	return 0, false
}

// moduleOf returns the match module that -p loads for a protocol.
func moduleOf(protocol uint64) string {
	switch protocol {
	case 1:
		return "icmp"
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 33:
		return "dccp"
	case 50:
		return "esp"
	case 51:
		return "ah"
	case 58:
		return "icmp6"
	case 132:
		return "sctp"
	case 136:
		return "udplite"
	}
	return ""
}

func decimal(n int) string { return strconv.Itoa(n) }

package iptables

import (
	"net"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// parseElement reads an element of a set and its options.
func (s *set) parseElement(text string, options []string) (e element, ok bool) {
	if !e.options(options) {
		return e, false
	}
	dimensions := s.dimensions()
	parts := strings.Split(text, ",")
	if len(parts) != len(dimensions) {
		return e, false
	}
	for i, dimension := range dimensions {
		ok := true
		switch dimension {
		case "address":
			ok = s.addresses(parts[i], &e)
		case "other":
			other := element{}
			ok = s.addresses(parts[i], &other)
			e.others, e.spans = other.addresses, e.spans || other.spans
		case "device":
			e.device = parts[i]
			ok = e.device != "" && !strings.ContainsAny(e.device, "+:/ ") // as in physdev:eth0
		case "port":
			ok = e.ports(parts[i], len(dimensions) == 1)
		case "mac":
			mac, err := net.ParseMAC(parts[i])
			ok = err == nil && len(mac) == 6
			for _, b := range mac {
				e.mac = e.mac<<8 | uint64(b)
			}
		case "set":
			e.member = parts[i]
		}
		if !ok {
			return e, false
		}
	}
	return e, dimensions != nil && s.takes(e)
}

// options reads those of add. Counters and comments do not change what matches.
func (e *element) options(options []string) bool {
	for i := 0; i < len(options); i++ {
		switch options[i] {
		case "nomatch":
			e.noMatch = true
		case "skbmark":
			var ok bool
			if i++; i < len(options) {
				e.mark, e.mask, ok = parseHexadecimalMark(options[i])
			}
			if !ok {
				return false
			}
		case "timeout":
			if i++; i < len(options) && options[i] != "0" {
				e.expires = true
			}
		case "comment", "packets", "bytes", "skbprio", "skbqueue":
			i++
		default:
			return false
		}
	}
	return true
}

// addresses reads ADDRESS, NETWORK or FIRST-LAST.
func (s *set) addresses(text string, e *element) bool {
	if first, _, _ := strings.Cut(text, "/"); s.family == config.IPv4 && strings.Count(first, ".") != 3*(1+strings.Count(first, "-")) {
		return false // 10.1 is 10.0.0.1 here, not 10.1.0.0
	}
	if strings.Contains(text, "-") {
		r, ok := parseAddressRange(s.family, text)
		e.addresses, e.spans = []oldconfig.Range{r}, true
		return ok && s.netmask == 0
	}
	address, length, hasLength := strings.Cut(text, "/")
	if !hasLength && s.netmask > 0 {
		text = address + "/" + decimal(s.netmask)
	}
	ranges, ok := parseNetwork(s.family, text)
	e.addresses, e.length = ranges, s.family.Bits()
	if hasLength {
		n, isNumber := parseNumber(length, uint64(s.family.Bits()))
		e.length, ok = int(n), ok && isNumber && s.netmask == 0
	}
	return ok
}

// ports reads [PROTOCOL:]PORT[-PORT]. In bitmap:port, a port is of TCP and UDP.
func (e *element) ports(text string, both bool) bool {
	protocol, ports, named := strings.Cut(text, ":")
	if !named {
		protocol, ports = "tcp", text
	}
	var ok bool
	if e.protocol, ok = parseProtocol(protocol); !ok || e.protocol == 0 {
		return false
	}
	if both {
		e.protocol = 0
	} else if !hasPorts(e.protocol) {
		// The port is 0, or a type of ICMP, which the model does not have.
		e.port = oldconfig.Range{Low: number(0), High: number(65535)}
		return ports == "0" && moduleOf(e.protocol) != "icmp" && moduleOf(e.protocol) != "icmp6"
	}
	if strings.HasPrefix(ports, "-") || strings.HasSuffix(ports, "-") {
		return false
	}
	e.port, ok = parsePorts(ports, "-", e.protocol)
	return ok
}

// hasPorts reports whether ipset reads ports of the protocol's header.
func hasPorts(protocol uint64) bool {
	switch moduleOf(protocol) {
	case "tcp", "udp", "udplite", "sctp":
		return true
	}
	return false
}

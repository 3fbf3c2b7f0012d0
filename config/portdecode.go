package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Limits on lists of ports: they keep checks near-linear.
const (
	maxPortEntries = 1024
	maxFTPPorts    = 16
)

const portLimits = "1 to 65535"

// port decodes a single TCP port.
func (d *decoder) port(n *yaml.Node, what string) (uint16, bool) {
	number, ok := portNumber(d, n, what)
	return uint16(number), ok
}

var (
	portNumber = number(1, 65535, portLimits)
	ftpPorts   = atMost(maxFTPPorts, list("port", (*decoder).port))
)

// portRange decodes a port or LOW-HIGH, with an optional protocol if protocols is
// set: 80, 8000-8100, tcp/80, udp/443.
func portRange(protocols bool) decodeFunc[PortRange] {
	return func(d *decoder, n *yaml.Node, what string) (PortRange, bool) {
		if d.describes(Shape{Kind: ShapePorts, Protocols: protocols}) {
			return PortRange{}, true
		}
		text, ok := d.text(n, what)
		if !ok {
			return PortRange{}, false
		}
		ports, problem := parsePortRange(text, protocols)
		if problem != "" {
			if what == rangeName {
				problem = strings.TrimPrefix(problem, "range ")
			}
			d.fail(n, "%s %s", what, problem)
			return PortRange{}, false
		}
		return ports, true
	}
}

// passivePorts decodes a range or a list of ranges.
var passivePorts = orSingle(portRange(false), atMost(maxFTPPorts, list(rangeName, portRange(false))))

// rangeName names the entries of a list of ranges.
const rangeName = "port range"

// parsePortRange returns a range, or the problem as the end of a sentence that
// begins with the key's name.
func parsePortRange(text string, protocols bool) (ports PortRange, problem string) {
	if protocols && text == AllPorts().String() {
		return AllPorts(), ""
	}
	ports.Protocol = TCP
	rest := text
	if name, after, found := strings.Cut(text, "/"); found {
		if !protocols {
			return ports, fmt.Sprintf("must be ports alone, not %s; FTP is always tcp", quote(text))
		}
		rest = after
		switch name {
		case "tcp":
		case "udp":
			ports.Protocol = UDP
		case "sctp":
			ports.Protocol = SCTP
		default:
			return ports, fmt.Sprintf("has an unknown protocol %s%s", quote(name), suggest(name, "known", []string{"tcp", "udp", "sctp"}))
		}
	}
	return parsePorts(ports, strings.TrimSuffix(text, rest), rest)
}

// parsePorts adds the ports in a text to a range. prefix, such as "udp/", stands before the text.
func parsePorts(ports PortRange, prefix, text string) (PortRange, string) {
	low, high, isRange := strings.Cut(text, "-")
	if low, high, colon := strings.Cut(text, ":"); colon && isDecimal(low) && isDecimal(high) {
		return ports, fmt.Sprintf("must be LOW-HIGH, not %s; write %s%s-%s", quote(prefix+text), prefix, clip(low), clip(high))
	}
	if !isRange || low == "" { // a single port, or a negative one
		low, high = text, text
	}
	if !isNumber(low) || !isNumber(high) {
		return ports, fmt.Sprintf("must be a number or LOW-HIGH, not %s", quote(text))
	}
	first, problem := parseNumber(low, 1, 65535, portLimits)
	if problem != "" {
		return ports, problem
	}
	last, problem := parseNumber(high, 1, 65535, portLimits)
	if problem != "" {
		return ports, problem
	}
	if first > last {
		return ports, fmt.Sprintf("range %d-%d is reversed; write %s%d-%d", first, last, prefix, last, first)
	}
	ports.Low, ports.High = uint16(first), uint16(last)
	return ports, ""
}

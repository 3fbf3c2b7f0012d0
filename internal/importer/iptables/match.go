package iptables

import (
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// match reads an option of a match module. It returns false if its meaning is not known.
func (p *parser) match(m *module, o option) bool {
	switch m.name {
	case "tcp", "udp", "sctp", "udplite", "dccp":
		return p.matchTransport(o)
	case "multiport":
		return p.matchMultiport(o)
	case "iprange":
		return p.matchRange(o)
	case "set":
		p.reason = p.matchSet(o)
		return p.reason == ""
	case "addrtype":
		return p.matchAddressType(o)
	case "state", "conntrack":
		return p.matchConntrack(o)
	case "helper":
		return p.matchHelper(o)
	case "ipvs":
		return p.matchIPVS(o)
	case "mark":
		return p.matchMark(oldconfig.Mark, o)
	case "connmark":
		return p.matchMark(oldconfig.ConnMark, o)
	case "mac":
		return p.matchMAC(o)
	case "comment":
		return true
	}
	return false
}

// matchTransport reads the ports of a protocol, and the flags of TCP.
func (p *parser) matchTransport(o option) bool {
	switch o.name {
	case "sport", "source-port":
		return p.matchPort(oldconfig.SourcePort, o)
	case "dport", "destination-port":
		return p.matchPort(oldconfig.DestinationPort, o)
	case "syn":
		return p.matchFlags(o, flagSYN|flagRST|flagACK|flagFIN, flagSYN)
	case "tcp-flags":
		mask, maskOK := parseFlags(o.values[0])
		set, setOK := parseFlags(o.values[1])
		return maskOK && setOK && p.matchFlags(o, mask, set)
	}
	return false
}

func (p *parser) matchPort(field oldconfig.Field, o option) bool {
	ports, ok := parsePorts(o.values[0], ":", p.protocol)
	if o.not && ports == allPorts() {
		p.reason = "iptables-legacy has it match no packet, and iptables-nft every packet"
		return false
	}
	return ok && p.add(oldconfig.Match{Field: field, In: []oldconfig.Range{ports}, Not: o.not, Text: o.String()})
}

// Bits of byte 13 of a TCP header.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
	flagURG
)

// parseFlags reads a list of flags of TCP.
func parseFlags(text string) (flags uint32, ok bool) {
	for name := range strings.SplitSeq(strings.ToUpper(text), ",") {
		switch name {
		case "NONE":
		case "ALL":
			flags |= flagFIN | flagSYN | flagRST | flagPSH | flagACK | flagURG
		case "FIN":
			flags |= flagFIN
		case "SYN":
			flags |= flagSYN
		case "RST":
			flags |= flagRST
		case "PSH":
			flags |= flagPSH
		case "ACK":
			flags |= flagACK
		case "URG":
			flags |= flagURG
		default:
			return 0, false
		}
	}
	return flags, true
}

func (p *parser) matchFlags(o option, mask, set uint32) bool {
	m := oldconfig.Match{Field: oldconfig.TCPFlags, In: []oldconfig.Range{one(uint64(set))}, Not: o.not, Text: o.String()}
	return p.add(m.Masked(mask))
}

// matchMultiport reads lists of ports and ranges. --ports is the source or destination.
func (p *parser) matchMultiport(o option) bool {
	var ports []oldconfig.Range
	for text := range strings.SplitSeq(o.values[0], ",") {
		r, ok := parsePorts(text, ":", p.protocol)
		isRange := strings.Contains(text, ":")
		if !ok || strings.HasPrefix(text, ":") || strings.HasSuffix(text, ":") || isRange && r.Low == r.High {
			return false
		}
		ports = append(ports, r)
	}
	source := oldconfig.Match{Field: oldconfig.SourcePort, In: ports, Not: o.not, Text: o.String()}
	destination := source
	destination.Field = oldconfig.DestinationPort
	switch o.name {
	case "sports", "source-ports":
		return p.add(source)
	case "dports", "destination-ports":
		return p.add(destination)
	}
	if o.not {
		return p.add(source, destination)
	}
	other := source
	other.Not = true
	return p.addAlternatives([]conjunct{{source}, {other, destination}})
}

func (p *parser) matchRange(o option) bool {
	field := oldconfig.Source
	if o.name == "dst-range" {
		field = oldconfig.Destination
	}
	r, ok := parseAddressRange(p.family, o.values[0])
	return ok && p.add(oldconfig.Match{Field: field, In: []oldconfig.Range{r}, Not: o.not, Text: o.String()})
}

func (p *parser) matchMark(field oldconfig.Field, o option) bool {
	value, mask, ok := parseMark(o.values[0])
	m := oldconfig.Match{Field: field, In: []oldconfig.Range{one(uint64(value))}, Not: o.not, Text: o.String()}
	return ok && p.add(m.Masked(mask))
}

func (p *parser) matchMAC(o option) bool {
	var n uint64
	parts := strings.Split(o.values[0], ":")
	for _, part := range parts {
		b, err := strconv.ParseUint(part, 16, 8) // with one digit too
		if err != nil {
			return false
		}
		n = n<<8 | b
	}
	if len(parts) != 6 {
		return false
	}
	return p.add(oldconfig.Match{Field: oldconfig.SourceMAC, In: []oldconfig.Range{one(n)}, Not: o.not, Text: o.String()})
}

// matchState reads --state and --ctstate.
func (p *parser) matchState(o option) bool {
	return p.matchBits(oldconfig.State, o, func(name string) uint64 {
		switch name {
		case "NEW":
			return oldconfig.StateNew
		case "ESTABLISHED":
			return oldconfig.StateEstablished
		case "RELATED":
			return oldconfig.StateRelated
		case "INVALID":
			return oldconfig.StateInvalid
		case "UNTRACKED":
			return oldconfig.StateUntracked
		}
		return 0
	})
}

func (p *parser) matchAddressType(o option) bool {
	field := oldconfig.SourceType
	switch o.name {
	case "src-type":
	case "dst-type":
		field = oldconfig.DestinationType
	default:
		return false
	}
	typeOf := func(name string) uint64 {
		switch name {
		case "LOCAL":
			return oldconfig.AddrTypeLocal
		case "BROADCAST":
			return oldconfig.AddrTypeBroadcast
		case "MULTICAST":
			return oldconfig.AddrTypeMulticast
		case "UNICAST":
			return oldconfig.AddrTypeOther
		}
		return 0
	}
	if p.family == config.IPv6 {
		return p.matchAddressTypeOfIPv6(field, o, typeOf)
	}
	return p.matchBits(field, o, typeOf)
}

// matchAddressTypeOfIPv6 reads types of IPv6: all of them must hold, and a local address is unicast
// too (match_type6 of net/netfilter/xt_addrtype.c).
func (p *parser) matchAddressTypeOfIPv6(field oldconfig.Field, o option, typeOf func(string) uint64) bool {
	const unicast = oldconfig.AddrTypeLocal | oldconfig.AddrTypeOther
	bits := uint64(unicast | oldconfig.AddrTypeMulticast)
	for name := range strings.SplitSeq(o.values[0], ",") {
		switch of := typeOf(strings.ToUpper(name)); of {
		case oldconfig.AddrTypeLocal, oldconfig.AddrTypeMulticast:
			bits &= of
		case oldconfig.AddrTypeOther:
			bits &= unicast
		default:
			return false
		}
	}
	return p.add(oldconfig.Match{Field: field, In: []oldconfig.Range{one(bits)}, Not: o.not, Text: o.String()})
}

// matchBits reads a list of names. The match has one bit for each.
func (p *parser) matchBits(field oldconfig.Field, o option, bitOf func(string) uint64) bool {
	var in []oldconfig.Range
	for name := range strings.SplitSeq(o.values[0], ",") {
		bit := bitOf(strings.ToUpper(name))
		if bit == 0 {
			return false
		}
		in = append(in, one(bit))
	}
	return p.add(oldconfig.Match{Field: field, In: in, Not: o.not, Text: o.String()})
}

// readsOf returns what a match that is not understood, as it is written, may depend on.
func readsOf(text string) oldconfig.Reads {
	module, found := strings.CutPrefix(text, "-m ")
	if !found {
		return oldconfig.ReadsAll
	}
	name, options, _ := strings.Cut(module, " ")
	if name == "rpfilter" && !strings.Contains(options, "--v") {
		return 0 // --validmark looks up the route by the mark
	}
	return oldconfig.ReadsOf(name)
}

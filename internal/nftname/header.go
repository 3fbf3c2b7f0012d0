package nftname

import (
	"slices"
	"strings"
)

// A Field is a field of a header.
type Field struct {
	Name   string
	Offset int // bits from the start of the header
	Bits   int
	Kind   Kind
	ICMP   []uint8 // types of ICMP messages with the field; nil: all
}

var (
	echo4 = []uint8{8, 0}
	echo6 = []uint8{128, 129}
)

// headers are the fields in nft(8), "PAYLOAD EXPRESSIONS", in the order in which nft looks
// for them.
var headers = map[string][]Field{
	"ether": {{"daddr", 0, 48, Hardware, nil}, {"saddr", 48, 48, Hardware, nil}, {"type", 96, 16, EtherType, nil}},
	"vlan":  {{"pcp", 0, 3, Number, nil}, {"dei", 3, 1, Number, nil}, {"id", 4, 12, Number, nil}, {"type", 16, 16, EtherType, nil}},
	"arp": {
		{"htype", 0, 16, Number, nil},
		{"ptype", 16, 16, EtherType, nil},
		{"hlen", 32, 8, Number, nil},
		{"plen", 40, 8, Number, nil},
		{"operation", 48, 16, ARPOperation, nil},
		{"saddr ether", 64, 48, Hardware, nil},
		{"saddr ip", 112, 32, Address, nil},
		{"daddr ether", 144, 48, Hardware, nil},
		{"daddr ip", 192, 32, Address, nil},
	},
	"ip": {
		{"version", 0, 4, Number, nil},
		{"hdrlength", 4, 4, Number, nil},
		{"dscp", 8, 6, DSCP, nil},
		{"ecn", 14, 2, ECN, nil},
		{"length", 16, 16, Number, nil},
		{"id", 32, 16, Number, nil},
		{"frag-off", 48, 16, Number, nil},
		{"ttl", 64, 8, Number, nil},
		{"protocol", 72, 8, Protocol, nil},
		{"checksum", 80, 16, Number, nil},
		{"saddr", 96, 32, Address, nil},
		{"daddr", 128, 32, Address, nil},
	},
	"ip6": {
		{"version", 0, 4, Number, nil},
		{"dscp", 4, 6, DSCP, nil},
		{"ecn", 10, 2, ECN, nil},
		{"flowlabel", 12, 20, Number, nil},
		{"length", 32, 16, Number, nil},
		{"nexthdr", 48, 8, Protocol, nil},
		{"hoplimit", 56, 8, Number, nil},
		{"saddr", 64, 128, Address, nil},
		{"daddr", 192, 128, Address, nil},
	},
	"icmp": {
		{"type", 0, 8, ICMPType, nil},
		{"code", 8, 8, ICMPCode, nil},
		{"checksum", 16, 16, Number, nil},
		{"id", 32, 16, Number, echo4},
		{"sequence", 48, 16, Number, echo4},
		{"gateway", 32, 32, Number, []uint8{5}},
		{"mtu", 48, 16, Number, []uint8{3}},
	},
	"icmpv6": {
		{"type", 0, 8, ICMPv6Type, nil},
		{"code", 8, 8, ICMPv6Code, nil},
		{"checksum", 16, 16, Number, nil},
		{"parameter-problem", 32, 32, Number, []uint8{4}},
		{"mtu", 32, 32, Number, []uint8{2}},
		{"id", 32, 16, Number, echo6},
		{"sequence", 48, 16, Number, echo6},
		{"max-delay", 32, 16, Number, []uint8{130}},
	},
	"igmp": {{"type", 0, 8, IGMPType, nil}, {"mrt", 8, 8, Number, nil}, {"checksum", 16, 16, Number, nil}, {"group", 32, 32, Number, nil}},
	"tcp": {
		{"sport", 0, 16, Number, nil},
		{"dport", 16, 16, Number, nil},
		{"sequence", 32, 32, Number, nil},
		{"ackseq", 64, 32, Number, nil},
		{"doff", 96, 4, Number, nil},
		{"reserved", 100, 4, Number, nil},
		{"flags", 104, 8, TCPFlags, nil},
		{"window", 112, 16, Number, nil},
		{"checksum", 128, 16, Number, nil},
		{"urgptr", 144, 16, Number, nil},
	},
	"udp": {{"sport", 0, 16, Number, nil}, {"dport", 16, 16, Number, nil}, {"length", 32, 16, Number, nil}, {"checksum", 48, 16, Number, nil}},
	"udplite": {
		{"sport", 0, 16, Number, nil}, {"dport", 16, 16, Number, nil}, {"csumcov", 32, 16, Number, nil}, {"checksum", 48, 16, Number, nil},
	},
	"sctp": {{"sport", 0, 16, Number, nil}, {"dport", 16, 16, Number, nil}, {"vtag", 32, 32, Number, nil}, {"checksum", 64, 32, Number, nil}},
	"dccp": {{"sport", 0, 16, Number, nil}, {"dport", 16, 16, Number, nil}, {"type", 67, 4, DCCPType, nil}},
	"ah": {
		{"nexthdr", 0, 8, Protocol, nil},
		{"hdrlength", 8, 8, Number, nil},
		{"reserved", 16, 16, Number, nil},
		{"spi", 32, 32, Number, nil},
		{"sequence", 64, 32, Number, nil},
	},
	"esp":  {{"spi", 0, 32, Number, nil}, {"sequence", 32, 32, Number, nil}},
	"comp": {{"nexthdr", 0, 8, Protocol, nil}, {"flags", 8, 8, Hex, nil}, {"cpi", 16, 16, Number, nil}},
	"th":   {{"sport", 0, 16, Number, nil}, {"dport", 16, 16, Number, nil}},
}

// Fields returns the fields of a header that make up some of its bits; nil if there are
// none. icmpType is the type of the ICMP messages if that is known, else -1.
func Fields(header string, offset, bits, icmpType int) []Field {
	table, ok := headers[header]
	if !ok {
		table = options[header]
	}
	var list []Field
	for bits > 0 {
		f, ok := fieldAt(table, offset, bits, icmpType)
		if !ok {
			return nil
		}
		list = append(list, f)
		offset, bits = offset+f.Bits, bits-f.Bits
	}
	return list
}

func fieldAt(table []Field, offset, most, icmpType int) (Field, bool) {
	for _, f := range table {
		if f.Offset == offset && f.Bits <= most && (icmpType < 0 || f.isIn(uint8(icmpType))) {
			return f, true
		}
	}
	return Field{}, false
}

// isIn reports whether ICMP messages of the type have the field.
func (f Field) isIn(icmpType uint8) bool {
	if slices.Contains(f.ICMP, icmpType) {
		return true
	}
	return f.ICMP == nil
}

// HeaderOf returns the header of a transport protocol by the name that Kind Protocol has.
func HeaderOf(protocol string) string {
	switch protocol {
	case "ipv6-icmp":
		return "icmpv6"
	case "ipcomp":
		return "comp"
	}
	return protocol
}

// Network returns the network protocol that a header or an option says that the packet has;
// empty for those of both.
func Network(header string) string {
	switch {
	case header == "icmp" || header == "igmp" || strings.HasPrefix(header, "ip option "):
		return "ip"
	case header == "icmpv6" || header == "srh" || slices.Contains([]string{"hbh", "rt", "frag", "dst", "mh"}, header):
		return "ip6"
	}
	return ""
}

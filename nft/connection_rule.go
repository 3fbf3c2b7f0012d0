package nft

import (
	"slices"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
)

// connectionRules returns the rules that exclude packets of connections from the marks,
// depending on their flags. only is the protocol of all ports; 0: there are several.
func connectionRules(family Family, profiles []*profile, only config.Protocol, marks config.MarkedPackets) (first, second []*Rule) {
	if marks == config.FirstPacket && marksTCP(profiles) {
		first = append(first, laterPacketRule(family, only))
	}
	if marksClientPorts(profiles) {
		second = append(second, answerRule(family, only))
	}
	return first, second
}

// marksTCP reports whether TCP ports are marked.
func marksTCP(profiles []*profile) bool {
	return slices.ContainsFunc(profiles, func(p *profile) bool {
		return slices.ContainsFunc(p.ports, config.PortRange{Protocol: config.TCP, High: 65535}.Meets)
	})
}

// laterPacketRule accepts packets without SYN before any other rule, so that they get no
// mark. IPVS has a connection for them: it finds it before it looks at the mark. If all
// ports are of TCP, the protocol needs no test: packets of other protocols get no mark
// either.
func laterPacketRule(family Family, only config.Protocol) *Rule {
	b := newRule(family).tcpFlagsExclude(tcpSYN)
	if only == 0 {
		b.protocolIs(config.TCP)
	}
	r := b.accept().rule()
	r.Comment = "packets after the first of a connection"
	return r
}

// If a program of the director opens a connection from a VIP, its local port may be in a
// passive range. The answers have the destination of a client's data connection. IPVS must
// not get the first of them, the SYN+ACK, with a mark: it begins a connection of its own
// with a real server then (tcp_conn_schedule of net/netfilter/ipvs/ip_vs_proto_tcp.c). IPVS
// ignores the marks of later packets, as it has no connection for them and they have no SYN.
//
// So the first rule accepts a SYN+ACK for which the director has a socket. The SYN+ACK of
// active data with direct or tunnel, which needs its mark, has no socket on the director.

// Flags of TCP, in byte 13 of the header (RFC 9293, section 3.1).
const (
	tcpSYN = 0x02
	tcpPSH = 0x08
	tcpACK = 0x10
)

// firstClientPort is the first port that programs without CAP_NET_BIND_SERVICE may use. The
// kernel selects the local ports of clients in net.ipv4.ip_local_port_range (ip-sysctl.rst),
// by default 32768 to 60999.
const firstClientPort = 1024

// marksClientPorts reports whether a marked TCP port may be the local port of a connection
// of the director.
func marksClientPorts(profiles []*profile) bool {
	return slices.ContainsFunc(profiles, func(p *profile) bool {
		return slices.ContainsFunc(p.ports, func(r config.PortRange) bool {
			return r.Meets(config.PortRange{Protocol: config.TCP, Low: firstClientPort, High: 65535})
		})
	})
}

const answerComment = "answers to connections of the director"

// answerRule accepts the SYN+ACK that answers a connection of the director. Almost all other
// packets have the flag ACK, SYN, or PSH and ACK: comparisons exclude them first, as they
// cost less than a mask. Each mask has one bit, because nft 1.1 lists a mask with a gap as a field that it cannot load.
func answerRule(family Family, only config.Protocol) *Rule {
	b := newRule(family).tcpFlagsAreNone(tcpACK, tcpSYN, tcpPSH|tcpACK).tcpFlagsInclude(tcpSYN).tcpFlagsInclude(tcpACK)
	if only == 0 {
		b.protocolIs(config.TCP)
	}
	r := b.hasBoundSocket().accept().rule()
	r.Comment = answerComment
	return r
}

func (b *ruleBuilder) tcpFlags() *ruleBuilder {
	return b.add(&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1})
}

func (b *ruleBuilder) tcpFlagsAreNone(flags ...byte) *ruleBuilder {
	b.tcpFlags()
	for _, f := range flags {
		b.add(&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: []byte{f}})
	}
	return b
}

func (b *ruleBuilder) tcpFlagsInclude(flags byte) *ruleBuilder { return b.maskedTCPFlags(flags, flags) }
func (b *ruleBuilder) tcpFlagsExclude(flags byte) *ruleBuilder { return b.maskedTCPFlags(flags, 0) }

func (b *ruleBuilder) maskedTCPFlags(mask, flags byte) *ruleBuilder {
	return b.tcpFlags().add(
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 1, Mask: []byte{mask}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{flags}},
	)
}

// hasBoundSocket matches packets for which the director has a socket with a local address,
// such as that of a connection. A socket that listens on all addresses does not match
// (nft_socket_wildcard of net/netfilter/nft_socket.c, Linux 5.10).
func (b *ruleBuilder) hasBoundSocket() *ruleBuilder {
	return b.add(
		&expr.Socket{Key: expr.SocketKeyWildcard, Register: reg},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{0}},
	)
}

package nft

import (
	"slices"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
)

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
			return r.Protocol == config.TCP && r.High >= firstClientPort
		})
	})
}

// answerRule accepts the SYN+ACK that answers a connection of the director. Data has other
// flags, ACK or PSH and ACK: two comparisons exclude it, which cost less than a mask. Each
// mask has one bit, because nft 1.1 lists a mask with a gap as a field that it cannot load.
func answerRule(family Family, only config.Protocol) *Rule {
	b := newRule(family).tcpFlagsAreNot(tcpACK).tcpFlagsAreNot(tcpPSH | tcpACK).tcpFlagsInclude(tcpSYN).tcpFlagsInclude(tcpACK)
	if only == 0 {
		b.protocolIs(config.TCP)
	}
	r := b.hasBoundSocket().accept().rule()
	r.Comment = "answers to connections of the director"
	return r
}

func (b *ruleBuilder) tcpFlags() *ruleBuilder {
	return b.add(&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1})
}

func (b *ruleBuilder) tcpFlagsAreNot(flags byte) *ruleBuilder {
	return b.tcpFlags().add(&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: []byte{flags}})
}

func (b *ruleBuilder) tcpFlagsInclude(flags byte) *ruleBuilder {
	return b.tcpFlags().add(
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 1, Mask: []byte{flags}, Xor: []byte{0}},
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

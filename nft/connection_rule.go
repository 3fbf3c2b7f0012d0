package nft

import (
	"slices"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
)

// marksTCP reports whether TCP ports are marked.
func marksTCP(profiles []*profile) bool {
	return slices.ContainsFunc(profiles, func(p *profile) bool {
		return slices.ContainsFunc(p.ports, config.PortRange{Protocol: config.TCP, High: 65535}.Meets)
	})
}

// firstSuffix ends the name of the chain that marks first packets.
const firstSuffix = "_first"

// firstPacketRules sends packets that may begin a connection to the chain that marks them:
// TCP with SYN, and packets of all other protocols. For other packets IPVS has a connection:
// it finds it before it looks at the mark. These are almost all packets, so they pass rules
// that do not match: a verdict would cost them more than the rest of the rule. If all ports
// are of TCP, only is not 0, and packets of other protocols get no mark either.
func firstPacketRules(family Family, only config.Protocol, chain string) []*Rule {
	var rules []*Rule
	if only == 0 {
		rules = append(rules, newRule(family).protocolIsNot(config.TCP).goTo(chain).rule())
	}
	return append(rules, newRule(family).tcpFlagsInclude(tcpSYN).goTo(chain).rule())
}

// FirstPacketRule decodes a rule of the table that sends packets that may begin a connection,
// or some of them, to a chain; false if the rule is not such a rule. These packets are TCP with
// SYN, and packets of other protocols.
func (t *Table) FirstPacketRule(r *Rule) (*Chain, bool) {
	steps := t.steps(r)
	if len(steps) != 1 {
		return nil, false
	}
	chain := t.Chain(strings.TrimPrefix(steps[0].statement.name, "goto "))
	if chain == nil || chain.Type != "" {
		return nil, false
	}
	return chain, slices.ContainsFunc(firstPacketRules(t.Family, 0, chain.Name), func(want *Rule) bool {
		m, _ := t.meaning(want)
		return m.String() == meaning{steps}.String()
	})
}

// FirstPacketChains returns the chains to which the FirstPacketRules of a base chain lead.
func (t *Table) FirstPacketChains(base *Chain) []*Chain {
	var chains []*Chain
	for _, r := range base.Rules {
		if first, ok := t.FirstPacketRule(r); ok && !slices.Contains(chains, first) {
			chains = append(chains, first)
		}
	}
	return chains
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

// IsAnswerRule reports whether the rule accepts answers that belong to connections of the
// director, before they get a mark.
func (t *Table) IsAnswerRule(r *Rule) bool {
	return t.asksForSocket(r) || t.means(r, localAnswerRule)
}

// asksForSocket reports whether the rule is that for answers to connections of the director.
func (t *Table) asksForSocket(r *Rule) bool { return t.means(r, answerRule) }

// WithoutAnswerRules returns the ruleset without the rules that ask for a socket, for kernels
// without nft_socket.
func (r *Ruleset) WithoutAnswerRules() *Ruleset {
	reduced := &Ruleset{foreign: r.foreign}
	for _, t := range r.Tables {
		table := *t
		table.Chains = make([]*Chain, len(t.Chains))
		for i, c := range t.Chains {
			chain := *c
			chain.Rules = slices.DeleteFunc(slices.Clone(c.Rules), t.asksForSocket)
			table.Chains[i] = &chain
		}
		reduced.Tables = append(reduced.Tables, &table)
	}
	return reduced
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

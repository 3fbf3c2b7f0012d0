package nft

import (
	"net/netip"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A ruleBuilder builds the expressions that nft(8) builds for the same text, so that nft
// lists that text. It uses register 1 only. A range of ports is one expression, as in nft 1.1;
// older versions write two comparisons, which cost more, but list the one in the same way.
type ruleBuilder struct {
	family Family
	exprs  []expr.Any
}

const reg = 1

func newRule(family Family) *ruleBuilder { return &ruleBuilder{family: family} }

func (b *ruleBuilder) add(exprs ...expr.Any) *ruleBuilder {
	b.exprs = append(b.exprs, exprs...)
	return b
}

// dport matches the destination port, sport the source port.
func (b *ruleBuilder) dport(r config.PortRange) *ruleBuilder { return b.port(2, r) }
func (b *ruleBuilder) sport(r config.PortRange) *ruleBuilder { return b.port(0, r) }

func (b *ruleBuilder) port(offset uint32, r config.PortRange) *ruleBuilder {
	return b.protocolIs(r.Protocol).anyPort(offset, r)
}

func (b *ruleBuilder) protocolIs(p config.Protocol) *ruleBuilder {
	return b.add(
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{byte(p)}},
	)
}

// anyDport is dport without a test of the protocol.
func (b *ruleBuilder) anyDport(r config.PortRange) *ruleBuilder { return b.anyPort(2, r) }

func (b *ruleBuilder) anyPort(offset uint32, r config.PortRange) *ruleBuilder {
	b.add(&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2})
	if r.Low == r.High {
		return b.add(&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: binaryutil.BigEndian.PutUint16(r.Low)})
	}
	return b.add(&expr.Range{
		Op: expr.CmpOpEq, Register: reg,
		FromData: binaryutil.BigEndian.PutUint16(r.Low), ToData: binaryutil.BigEndian.PutUint16(r.High),
	})
}

// protocolIsNot matches packets of all protocols except one. In IPv4, the field of the
// header (RFC 791) is cheaper than meta l4proto; in IPv6, extension headers may precede the
// transport header.
func (b *ruleBuilder) protocolIsNot(p config.Protocol) *ruleBuilder {
	if b.family == IPv4 {
		b.add(&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: 9, Len: 1})
	} else {
		b.add(&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg})
	}
	return b.add(&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: []byte{byte(p)}})
}

// Offsets of the addresses in the IPv4 header (RFC 791) and the IPv6 header (RFC 8200).
func (b *ruleBuilder) daddr() *ruleBuilder { return b.addr(16, 24, addrLen(b.family)) }
func (b *ruleBuilder) saddr() *ruleBuilder { return b.addr(12, 8, addrLen(b.family)) }

func (b *ruleBuilder) addr(offset4, offset6, length uint32) *ruleBuilder {
	offset := offset4
	if b.family == IPv6 {
		offset = offset6
	}
	return b.add(&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length})
}

// within matches destinations in a network with a prefix of whole bytes; an invalid network
// matches every packet.
func (b *ruleBuilder) within(network netip.Prefix) *ruleBuilder {
	if !network.IsValid() {
		return b
	}
	bytes := network.Bits() / 8
	return b.addr(16, 24, uint32(bytes)).add(&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: network.Addr().AsSlice()[:bytes]})
}

// in matches if the loaded address is in the set.
func (b *ruleBuilder) in(set string) *ruleBuilder {
	return b.add(&expr.Lookup{SourceRegister: reg, SetName: set})
}

// lookup replaces the loaded address by the map's value for it; packets without a value do
// not match.
func (b *ruleBuilder) lookup(set string) *ruleBuilder {
	return b.add(&expr.Lookup{SourceRegister: reg, SetName: set, DestRegister: reg, IsDestRegSet: true})
}

// vmap applies the verdict map's value for the loaded address.
func (b *ruleBuilder) vmap(set string) *ruleBuilder {
	return b.add(&expr.Lookup{SourceRegister: reg, SetName: set, DestRegister: unix.NFT_REG_VERDICT, IsDestRegSet: true})
}

// portMark sets the mark to the map's value for the destination port.
func (b *ruleBuilder) portMark(portMap string) *ruleBuilder {
	return b.add(&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}).lookup(portMap).setMark()
}

func (b *ruleBuilder) setMark() *ruleBuilder {
	return b.add(&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: reg})
}

func (b *ruleBuilder) accept() *ruleBuilder {
	return b.add(&expr.Verdict{Kind: expr.VerdictAccept})
}

func (b *ruleBuilder) goTo(chain string) *ruleBuilder {
	return b.add(&expr.Verdict{Kind: expr.VerdictGoto, Chain: chain})
}

func (b *ruleBuilder) masquerade() *ruleBuilder { return b.add(&expr.Masq{}) }

// mark loads the fwmark.
func (b *ruleBuilder) mark() *ruleBuilder {
	return b.add(&expr.Meta{Key: expr.MetaKeyMARK, Register: reg})
}

// originalDaddr loads the destination of the connection's first packet, as connection
// tracking saw it before IPVS changed it.
func (b *ruleBuilder) originalDaddr() *ruleBuilder {
	return b.add(&expr.Ct{Key: originalDestination(b.family), Register: reg, Direction: expr.CtDirOriginal})
}

// originalDestination returns NFT_CT_DST_IP or NFT_CT_DST_IP6 (Linux 4.17).
func originalDestination(f Family) expr.CtKey {
	if f == IPv4 {
		return expr.CtKeyDSTIP
	}
	return expr.CtKeyDSTIP6
}

// snat sets the source address to the address in the register.
func (b *ruleBuilder) snat() *ruleBuilder {
	return b.add(&expr.NAT{Type: expr.NATTypeSourceNAT, Family: uint32(byte(b.family)), RegAddrMin: reg})
}

// rule returns the built rule. An encoding error is a bug in this file.
func (b *ruleBuilder) rule() *Rule {
	var list []byte
	for _, e := range b.exprs {
		data, err := expr.Marshal(byte(b.family), e)
		if err != nil {
			panic(err)
		}
		list = netlink.AppendAttribute(list, unix.NLA_F_NESTED|unix.NFTA_LIST_ELEM, data)
	}
	return &Rule{Expressions: string(list)}
}

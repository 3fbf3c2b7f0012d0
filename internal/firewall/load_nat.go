package firewall

import (
	"encoding/binary"
	"slices"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"

	"github.com/lvsmark/lvsmark/nft"
)

// isOther reports whether the family of a statement is that of other packets.
func (s *space) isOther(f nft.Family) bool {
	return (f == nft.IPv4 || f == nft.IPv6) && f != s.family
}

// nat loads snat and dnat. Packets of another family than that of the statement go on
// (nft_nat_inet_eval of net/netfilter/nft_nat.c).
func (l *loader) nat(e *expr.NAT) {
	if l.space.isOther(nft.Family(e.Family)) {
		return
	}
	if e.Type == expr.NATTypeDestNAT {
		l.add(interception{effect: Redirects, ends: true, to: l.natRange(e)})
		return
	}
	l.add(sourceTranslation{to: l.natRange(e)})
}

func (l *loader) masquerade(e nft.Expression) {
	l.add(sourceTranslation{masquerade: true, to: l.masqueradeRange(e)})
}

func (l *loader) natRange(e *expr.NAT) *natRange {
	n := &natRange{toNetwork: e.Prefix, random: e.Random || e.FullyRandom, persistent: e.Persistent}
	for _, r := range []struct {
		register uint32
		to       *value
	}{{e.RegAddrMin, &n.low}, {e.RegAddrMax, &n.high}, {e.RegProtoMin, &n.lowPort}, {e.RegProtoMax, &n.highPort}} {
		if r.register != 0 {
			*r.to = l.at(r.register)
		}
	}
	return n
}

// redirection returns what redir translates to; nil: the expression is not understood.
func (l *loader) redirection(e nft.Expression) *natRange {
	typed, ok := l.typed(e).(*expr.Redir)
	const ports, random, persistent, fullyRandom = 2, 4, 8, 16 // NF_NAT_RANGE_*
	if !ok || typed.Flags&^(ports|random|persistent|fullyRandom) != 0 {
		return nil
	}
	n := l.natRange(&expr.NAT{RegProtoMin: typed.RegisterProtoMin, RegProtoMax: typed.RegisterProtoMax})
	n.toDevice, n.random = true, typed.Flags&(random|fullyRandom) != 0
	return n
}

// masqueradeRange returns the source of a masquerade statement; nil: the expression is not
// understood.
func (l *loader) masqueradeRange(e nft.Expression) *natRange {
	typed, ok := l.typed(e).(*expr.Masq)
	if !ok {
		return nil
	}
	n := l.natRange(&expr.NAT{Random: typed.Random, FullyRandom: typed.FullyRandom, RegProtoMin: typed.RegProtoMin, RegProtoMax: typed.RegProtoMax})
	n.toDevice = true
	return n
}

// targetRange returns what an xtables target translates to; nil if that is not known. Its
// types have addresses only where an option gives them.
func (l *loader) targetRange(e nft.Expression) *natRange {
	of, ok := l.typed(e).(*expr.Target)
	if !ok {
		return nil
	}
	n := l.rangeOfInfo(of)
	if n != nil {
		name := e.Extension()
		n.toDevice = name == "MASQUERADE" || name == "REDIRECT"
		n.toNetwork = name == "NETMAP"
	}
	return n
}

func (l *loader) rangeOfInfo(of *expr.Target) *natRange {
	switch info := of.Info.(type) {
	case *xt.NatIPv4MultiRangeCompat:
		if len(*info) == 1 {
			r := xt.NatRange((*info)[0])
			return l.rangeOf(r)
		}
	case *xt.NatRange:
		return l.rangeOf(*info)
	case *xt.NatRange2:
		if info.BasePort == 0 {
			return l.rangeOf(info.NatRange)
		}
	case *xt.Unknown:
		const size = 40  // struct nf_nat_range
		const size4 = 20 // struct nf_nat_ipv4_multi_range_compat, of NETMAP
		raw, number, ports := []byte(*info), binary.NativeEndian.Uint32, binary.BigEndian
		if len(raw) >= size4 && l.space.size == 4 && number(raw) == 1 {
			return l.rangeOf(xt.NatRange{
				Flags: uint(number(raw[4:])), MinIP: raw[8:12], MaxIP: raw[12:16],
				MinPort: ports.Uint16(raw[16:]), MaxPort: ports.Uint16(raw[18:]),
			})
		}
		if len(raw) >= size && l.space.size == 16 {
			return l.rangeOf(xt.NatRange{
				Flags: uint(number(raw)), MinIP: raw[4:20], MaxIP: raw[20:36],
				MinPort: ports.Uint16(raw[36:]), MaxPort: ports.Uint16(raw[38:]),
			})
		}
	}
	return nil
}

// rangeOf returns a range of linux/netfilter/nf_nat.h.
func (l *loader) rangeOf(r xt.NatRange) *natRange {
	const mapsAddresses, mapsPorts, random, persistent, fullyRandom = 1, 2, 4, 8, 16 // NF_NAT_RANGE_*
	const known = mapsAddresses | mapsPorts | random | persistent | fullyRandom
	if r.Flags&^known != 0 {
		return nil
	}
	address := func(four, sixteen []byte) value {
		if l.space.size == 4 {
			return constantValue("", four)
		}
		return constantValue("", sixteen)
	}
	port := func(p uint16) value { return constantValue("", binary.BigEndian.AppendUint16(nil, p)) }
	n := &natRange{random: r.Flags&(random|fullyRandom) != 0, persistent: r.Flags&persistent != 0}
	if r.Flags&mapsAddresses != 0 {
		n.low, n.high = address(r.MinIP.To4(), r.MinIP.To16()), address(r.MaxIP.To4(), r.MaxIP.To16())
	}
	if r.Flags&mapsPorts != 0 {
		n.lowPort, n.highPort = port(r.MinPort), port(r.MaxPort)
	}
	return n
}

// write loads the write of a register to a packet.
func (l *loader) write(e *expr.Payload) {
	at, size := l.space.header(), uint32(l.space.size)
	v := l.at(e.SourceRegister)
	writes := func(base expr.PayloadBase, offset, n uint32) bool {
		return e.Base == base && writesInto(e, v, offset, n)
	}
	const network, transport = expr.PayloadBaseNetworkHeader, expr.PayloadBaseTransportHeader
	switch {
	case l.exact && !l.space.isService(e, v):
		l.add(interception{effect: Redirects}) // later rules may match what is written
	case l.exact:
		l.changesOthers("sets " + l.space.payloadName(e))
	case writes(network, at.destination, size), writes(transport, 2, 2), writes(network, at.protocol, 1):
		l.add(headerWrite{Redirects, v, e})
	case l.space.flow.leaves() && (writes(network, at.source, size) || writes(transport, 0, 2)):
		l.add(headerWrite{TranslatesSource, v, e})
	}
}

// isService reports whether a write changes only fields of the network header about the service
// that packets get on their way: type of service or traffic class, flow label, time to live or
// hop limit. The model of package exact has none of them.
func (s *space) isService(e *expr.Payload, v value) bool {
	fields := s.serviceBytes()
	if e.Base != expr.PayloadBaseNetworkHeader {
		return false
	}
	for offset := e.Offset; offset < e.Offset+e.Len; offset++ {
		if !v.keeps(e, offset) && !slices.Contains(fields, offset) {
			return false
		}
	}
	return true
}

// writesInto reports whether the write of a value changes any of n bytes at the offset. A field
// of less than two bytes is written with its neighbor, for the checksum.
func writesInto(e *expr.Payload, v value, at, n uint32) bool {
	for offset := max(at, e.Offset); offset < min(at+n, e.Offset+e.Len); offset++ {
		if !v.keeps(e, offset) {
			return true
		}
	}
	return false
}

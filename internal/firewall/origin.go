package firewall

import (
	"encoding/binary"
	"net"
	"slices"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"

	"github.com/lvsmark/lvsmark/nft"
)

// An origin is what a value is of, and how the rule changes it first. Only exact loaders
// record it: a space has names for most values, which are enough for conditions.
type origin struct {
	part        packetPart
	key         uint32 // of meta and ct
	base        expr.PayloadBase
	offset      int // of payload, in bytes
	addressSize int
	mask, xor   []byte
	reversed    bool // a byteorder expression has changed the order
	changed     bool // in another way
}

// A packetPart is the kind of expression that loads a value.
type packetPart uint8

const (
	ofMeta packetPart = iota + 1
	ofPayload
	ofConntrack
	ofFib
	ofSourceFib
	ofSocket
)

func metaOrigin(key expr.MetaKey) *origin { return &origin{part: ofMeta, key: uint32(key)} }

func ctOrigin(e *expr.Ct) *origin {
	if e.Direction != 0 || e.Key != expr.CtKeySTATE && e.Key != expr.CtKeyMARK {
		return nil
	}
	return &origin{part: ofConntrack, key: uint32(e.Key)}
}

func fibOrigin(e *expr.Fib) *origin {
	switch {
	case !e.ResultADDRTYPE || e.FlagMARK || e.FlagIIF || e.FlagOIF || e.FlagPRESENT:
		return nil
	case e.FlagDADDR && !e.FlagSADDR:
		return &origin{part: ofFib}
	case e.FlagSADDR && !e.FlagDADDR:
		return &origin{part: ofSourceFib}
	}
	return nil
}

// traced records the origin of a value.
func (l *loader) traced(v value, o *origin) value {
	if l.exact {
		v.what = o
	}
	return v
}

func (l *loader) payloadValue(e *expr.Payload) value {
	return l.traced(l.space.payloadValue(e), &origin{part: ofPayload, base: e.Base, offset: int(e.Offset), addressSize: l.space.size})
}

// masked returns the origin after a mask and a flip of bits.
func (o *origin) masked(mask, xor []byte) *origin {
	switch {
	case o == nil:
		return nil
	case o.mask != nil || !isFilled(xor, 0) && o.part != ofMeta:
		return &origin{part: o.part, changed: true}
	}
	changed := *o
	changed.mask, changed.xor = slices.Clone(mask), slices.Clone(xor)
	return &changed
}

func (o *origin) reordered() *origin {
	if o == nil {
		return nil
	}
	changed := *o
	changed.reversed = !o.reversed
	return &changed
}

// A natRange is what a nat statement translates to.
type natRange struct {
	low, high         value
	lowPort, highPort value
}

func (l *loader) natRange(e *expr.NAT) *natRange {
	if !l.exact {
		return nil
	}
	n := &natRange{}
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

// targetRange returns what an xtables target translates to; nil if that is not known. Its
// types have addresses only where an option gives them.
func (l *loader) targetRange(e nft.Expression) *natRange {
	of, ok := l.typed(e).(*expr.Target)
	if !l.exact || !ok {
		return nil
	}
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
		const size = 40 // struct nf_nat_range
		if x := extensionOf("", of.Rev, info); len(x.info) >= size && l.space.size == 16 {
			ports := binary.BigEndian
			return l.rangeOf(xt.NatRange{
				Flags: uint(x.uint32(0)), MinIP: x.info[4:20], MaxIP: x.info[20:36],
				MinPort: ports.Uint16(x.info[36:]), MaxPort: ports.Uint16(x.info[38:]),
			})
		}
	}
	return nil
}

// rangeOf returns a range of linux/netfilter/nf_nat.h.
func (l *loader) rangeOf(r xt.NatRange) *natRange {
	const mapsAddresses, mapsPorts, netmap = 1, 2, 1 << 6 // NF_NAT_RANGE_*
	if r.Flags&netmap != 0 {
		return nil
	}
	address := func(ip net.IP) value {
		if l.space.size == 4 {
			return constantValue("", ip.To4())
		}
		return constantValue("", ip.To16())
	}
	port := func(p uint16) value { return constantValue("", binary.BigEndian.AppendUint16(nil, p)) }
	n := &natRange{}
	if r.Flags&mapsAddresses != 0 {
		n.low, n.high = address(r.MinIP), address(r.MaxIP)
	}
	if r.Flags&mapsPorts != 0 {
		n.lowPort, n.highPort = port(r.MinPort), port(r.MaxPort)
	}
	return n
}

// redirection returns what redir translates to: a port, or nothing but the device's address.
func (l *loader) redirection(e nft.Expression) *natRange {
	typed, ok := l.typed(e).(*expr.Redir)
	if !l.exact || !ok {
		return nil
	}
	return l.natRange(&expr.NAT{RegProtoMin: typed.RegisterProtoMin, RegProtoMax: typed.RegisterProtoMax})
}

// A connMark is struct xt_connmark_tginfo1.
type connMark struct {
	mode                    byte
	value, ctMask, markMask uint32
}

func connMarkOf(x extension) *connMark {
	return &connMark{x.info[12+2*(x.revision-1)], x.uint32(0), x.uint32(4), x.uint32(8)}
}

// socket loads the expression of lvsmark's rule for answers: whether the director has a
// socket for the packet.
func (l *loader) socket(e nft.Expression) {
	register, fills := e.DestRegister()
	typed, ok := l.typed(e).(*expr.Socket)
	if !fills || !ok || typed.Key != expr.SocketKeyWildcard {
		l.addCondition(unknownExpression(e))
		return
	}
	v := value{kind: constant, name: "socket", size: 1, bytes: []byte{0}, what: &origin{part: ofSocket}}
	l.fill(register, v)
}

// exactAddrtype loads struct xt_addrtype_info_v1 for both ends.
func (l *loader) exactAddrtype(info *xt.AddrTypeV1) {
	const inverseSource, inverseDestination = 1, 2 // XT_ADDRTYPE_INVERT_*
	if info.Flags&^(inverseSource|inverseDestination) != 0 {
		l.addCondition("addrtype")
	}
	for _, end := range []struct {
		types   uint16
		inverse bool
		part    packetPart
	}{{info.Source, info.Flags&inverseSource != 0, ofSourceFib}, {info.Dest, info.Flags&inverseDestination != 0, ofFib}} {
		if end.types == 0 {
			continue
		}
		t := test{inverse: end.inverse}
		for kind := range uint32(16) {
			if end.types>>kind&1 != 0 {
				t.within = append(t.within, interval{hostUint32(kind), hostUint32(kind)})
			}
		}
		l.add(match{l.traced(opaqueValue("addrtype", 4), &origin{part: end.part}), t})
	}
}

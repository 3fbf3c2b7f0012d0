package firewall

import (
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"

	"github.com/lvsmark/lvsmark/nft"
)

// traced records the origin of a value.
func (l *loader) traced(v value, o *origin) value {
	if l.exact {
		v.what = o
	}
	return v
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

// redirection returns what redir translates to: a port, or nothing but the device's address.
func (l *loader) redirection(e nft.Expression) *natRange {
	typed, ok := l.typed(e).(*expr.Redir)
	if !l.exact || !ok {
		return nil
	}
	return l.natRange(&expr.NAT{RegProtoMin: typed.RegisterProtoMin, RegProtoMax: typed.RegisterProtoMax})
}

// socket loads the expression of lvsmark's rule for answers: whether the director has a
// socket for the packet.
func (l *loader) socket(e nft.Expression) {
	register, fills := e.DestRegister()
	typed, ok := l.typed(e).(*expr.Socket)
	if !fills || !ok || typed.Key != expr.SocketKeyWildcard {
		l.addCondition("socket")
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

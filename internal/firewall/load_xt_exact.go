package firewall

import (
	"github.com/google/nftables/expr"
)

// exactMatch loads, for package exact, matches of iptables-nft that other analyses take as
// conditions. It reports whether it has loaded the extension.
func (l *loader) exactMatch(x extension) bool {
	switch {
	case !l.exact:
	case x.is("connmark", 1, 9):
		l.connmarkMatch(x)
		return true
	case x.is("mac", 0, 12):
		l.macMatch(x)
		return true
	case x.is("iprange", 1, 65):
		l.rangeMatch(x)
		return true
	}
	return false
}

// connmarkMatch loads struct xt_connmark_mtinfo1: mark, mask, inversion.
func (l *loader) connmarkMatch(x extension) {
	v := l.traced(value{kind: ctMark, name: "ct mark", size: 4}, l.space.ctOrigin(&expr.Ct{Key: expr.CtKeyMARK}))
	want := hostUint32(x.uint32(0))
	l.match(v.masked(hostUint32(x.uint32(4)), nil), test{within: []interval{{want, want}}, inverse: x.info[8] != 0})
}

// macMatch loads struct xt_mac_info: the sender in the header of Ethernet, and inversion.
func (l *loader) macMatch(x extension) {
	v := l.payloadValue(&expr.Payload{Base: expr.PayloadBaseLLHeader, Offset: 6, Len: 6})
	l.match(v, test{within: []interval{{x.info[:6], x.info[:6]}}, inverse: x.uint32(8) != 0})
}

// rangeMatch loads struct xt_iprange_mtinfo: lowest and highest source and destination, each of
// 16 bytes, and flags.
func (l *loader) rangeMatch(x extension) {
	const sourceInverse, destinationInverse = 1 << 4, 1 << 5 // IPRANGE_*_INV
	flags, header := x.info[64], l.space.header()
	for i, end := range []struct {
		offset  uint32
		inverse byte
	}{{header.source, sourceInverse}, {header.destination, destinationInverse}} {
		if flags>>i&1 == 0 { // IPRANGE_SRC, IPRANGE_DST
			continue
		}
		size := l.space.size
		low, high := x.info[32*i:32*i+size], x.info[32*i+16:32*i+16+size]
		v := l.payloadValue(&expr.Payload{Base: expr.PayloadBaseNetworkHeader, Offset: end.offset, Len: uint32(size)})
		l.match(v, test{within: []interval{{low, high}}, inverse: flags&end.inverse != 0})
	}
}

package firewall

import (
	"encoding/binary"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// traced records the origin of a value.
func (l *loader) traced(v value, o *origin) value {
	if l.exact {
		v.what = o
	}
	return v
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

// connectionMatch tests a property of the connection, of package exact.
func (l *loader) connectionMatch(field oldconfig.Field, low, high []byte, inverse bool) {
	v := l.traced(opaqueValue("connection", len(low)), l.space.originOf(field))
	l.add(match{v, test{within: []interval{{low, high}}, inverse: inverse}})
}

// networkMatch tests an address, of which mask selects bits.
func (l *loader) networkMatch(field oldconfig.Field, address, mask []byte, inverse bool) {
	v := l.traced(opaqueValue("connection", len(address)), l.space.originOf(field)).masked(mask, nil)
	l.add(match{v, test{within: []interval{{address, address}}, inverse: inverse}})
}

// originalMatch loads the tests of the original destination of struct xt_conntrack_mtinfo3.
// It returns the flags that are left.
func (l *loader) originalMatch(info *xt.ConntrackMtinfoBase, highPort uint16) uint16 {
	const address, port = uint16(xt.ConntrackOrigDst), uint16(xt.ConntrackOrigDstPort)
	if !l.exact {
		return info.MatchFlags
	}
	if to, mask := l.space.sized(info.OrigDstAddr), l.space.sized(info.OrigDstMask); info.MatchFlags&address != 0 {
		l.networkMatch(oldconfig.OriginalDestination, to, mask, info.InvertFlags&address != 0)
	}
	if info.MatchFlags&port != 0 {
		bytes := func(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
		l.connectionMatch(oldconfig.OriginalDestinationPort, bytes(info.OrigDstPort), bytes(max(info.OrigDstPort, highPort)), info.InvertFlags&port != 0)
	}
	return info.MatchFlags &^ (address | port)
}

// sized returns the bytes of an address of the space's family.
func (s *space) sized(b []byte) []byte {
	if len(b) > s.size {
		return b[len(b)-s.size:] // net.IP of IPv4 in 16 bytes
	}
	return b
}

// ipvsMatch loads struct xt_ipvs_mtinfo of include/uapi/linux/netfilter/xt_ipvs.h: vaddr and
// vmask of 16 bytes, vport, protocol, method, vportctl, inversion, and which are tested.
func (l *loader) ipvsMatch(info []byte) {
	const property, address, port = 1, 4, 8 // XT_IPVS_*
	tested, inverse := info[39], info[38]
	if !l.exact || tested&^(property|address|port) != 0 {
		l.addCondition("ipvs")
		return
	}
	if tested == property {
		l.connectionMatch(oldconfig.SentByIPVS, []byte{1}, []byte{1}, inverse&property != 0)
		return
	}
	if tested&address != 0 {
		l.networkMatch(oldconfig.VirtualAddress, info[:l.space.size], info[16:16+l.space.size], inverse&address != 0)
	}
	if tested&port != 0 {
		l.connectionMatch(oldconfig.VirtualPort, info[32:34], info[32:34], inverse&port != 0)
	}
}

// addrtype loads struct xt_addrtype_info_v1; types are bits numbered by RTN_*.
func (l *loader) addrtype(info *xt.AddrTypeV1) {
	const inverseDestination = 2 // XT_ADDRTYPE_INVERT_DEST
	if l.space.family == nft.IPv6 {
		info = &xt.AddrTypeV1{Source: typesOfIPv6(info.Source), Dest: typesOfIPv6(info.Dest), Flags: info.Flags}
	}
	if l.exact {
		l.exactAddrtype(info)
		return
	}
	if info.Source != 0 || info.Flags&^inverseDestination != 0 {
		l.addCondition("addrtype")
	}
	if info.Dest != 0 && (info.Dest&(1<<l.space.flow.destinationType()) != 0) == (info.Flags&inverseDestination != 0) {
		l.impossible = true
		l.add(match{constantValue("addrtype", nil), test{}})
	}
}

// typesOfIPv6 returns the types that match types of IPv6: all of them must hold, and a local address
// is unicast too (match_type6 of net/netfilter/xt_addrtype.c).
func typesOfIPv6(types uint16) uint16 {
	const unspecified, unicast, local, anycast, multicast, unreachable, none = 1, 1 << typeUnicast, 1 << typeLocal, 1 << 4, 1 << 5, 1 << 7, 1 << 15
	if types == 0 {
		return 0
	}
	matching := uint16(unicast | local | anycast | multicast | unreachable)
	if types&unspecified != 0 {
		matching = 0
	}
	if types&unicast != 0 {
		matching &^= multicast
	}
	if types&multicast != 0 {
		matching &= multicast
	}
	if looked := types & (local | anycast | unreachable); looked != 0 {
		matching &= looked
	}
	return matching | none // of no packet, so that it stays a test
}

// holdsWithout reports whether a test of states may hold for a packet without a connection. The
// kernel does not test other properties of such a packet (conntrack_mt of
// net/netfilter/xt_conntrack.c).
func holdsWithout(states uint16, inverse bool) bool {
	const invalid, untracked = 1, 1 << 8 // XT_CONNTRACK_STATE_*
	return inverse || states&(invalid|untracked) != 0
}

// unknownMatch loads an xtables match that is not understood.
func (l *loader) unknownMatch(name string) {
	l.reads |= oldconfig.ReadsOf(name)
	l.addCondition(name)
}

func (l *loader) conntrackSet(e *expr.Ct) {
	switch e.Key {
	case expr.CtKeyMARK:
		l.add(ctMarkSet{to: l.at(e.Register)})
	case expr.CtKeyZONE:
		l.add(zoneSet{})
	case expr.CtKeyLABELS:
		l.changesOthers("sets ct label")
	}
}

// connectionConditions adds what a match tests of a connection beside its state.
func (l *loader) connectionConditions(flags uint16) {
	names := map[xt.ConntrackFlags]string{
		xt.ConntrackDirection: "ct direction", xt.ConntrackExpires: "ct expiration", xt.ConntrackProto: "ct protocol", xt.ConntrackStatus: ctStatus,
	}
	others := flags
	for flag, name := range names {
		if others &^= uint16(flag); flags&uint16(flag) != 0 && !l.exact {
			l.addCondition(name)
		}
	}
	if others != 0 || l.exact {
		l.addCondition("conntrack")
	}
}

// stateMatch matches connections in one of the states, or in none of them.
func (l *loader) stateMatch(states uint16, inverse bool) match {
	none := hostUint32(0)
	state := l.traced(value{kind: state, name: ctState, size: 4}, l.space.ctOrigin(&expr.Ct{Key: expr.CtKeySTATE})).masked(hostUint32(uint32(states)), nil)
	return match{state, test{within: []interval{{none, none}}, inverse: !inverse}}
}

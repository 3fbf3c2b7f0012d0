package firewall

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// This file loads extensions of iptables from rules of iptables-nft. google/nftables/xt
// has types for some. The layouts of the others are in
// include/uapi/linux/netfilter/xt_*.h, in host byte order. An extension of another
// revision, or one that is too short, is unknown.

// An extension is an xtables match or target for which google/nftables/xt has no type.
type extension struct {
	name     string
	revision uint32
	info     []byte
}

func extensionOf(name string, revision uint32, info xt.InfoAny) extension {
	x := extension{name: name, revision: revision}
	if unknown, ok := info.(*xt.Unknown); ok {
		x.info = *unknown
	}
	return x
}

// is reports whether the extension has the name and revision, and at least size bytes.
func (x extension) is(name string, revision uint32, size int) bool {
	return x.name == name && x.revision == revision && len(x.info) >= size
}

func (x extension) uint16(at int) uint16 { return binary.NativeEndian.Uint16(x.info[at:]) }

func (x extension) uint32(at int) uint32 { return binary.NativeEndian.Uint32(x.info[at:]) }

// extensionMatch loads an xtables match.
func (l *loader) extensionMatch(e nft.Expression) {
	name := e.Extension()
	of, ok := l.typed(e).(*expr.Match)
	if !ok {
		if name != "comment" {
			l.unknownMatch(name)
		}
		return
	}
	switch info := of.Info.(type) {
	case *xt.Comment:
	case *xt.Tcp:
		l.tcpMatch(info)
		l.portsMatch(info.SrcPorts, info.DstPorts, info.InvFlags&xt.TcpInvSrcPorts != 0, info.InvFlags&xt.TcpInvDestPorts != 0)
	case *xt.Udp:
		l.portsMatch(info.SrcPorts, info.DstPorts, info.InvFlags&xt.UdpInvSrcPorts != 0, info.InvFlags&xt.UdpInvDestPorts != 0)
	case *xt.AddrTypeV1:
		l.addrtype(info)
	case *xt.ConntrackMtinfo1:
		l.conntrackMatch(&info.ConntrackMtinfoBase, uint16(info.StateMask), 0)
	case *xt.ConntrackMtinfo2:
		l.conntrackMatch(&info.ConntrackMtinfoBase, info.StateMask, 0)
	case *xt.ConntrackMtinfo3:
		l.conntrackMatch(&info.ConntrackMtinfoBase, info.StateMask, info.OrigDstPortHigh)
	default:
		l.untypedMatch(extensionOf(name, of.Rev, info))
	}
}

// untypedMatch loads struct xt_mark_mtinfo1, xt_multiport_v1, xt_state_info or xt_pkttype_info.
func (l *loader) untypedMatch(x extension) {
	switch {
	case x.is("mark", 1, 9):
		want := hostUint32(x.uint32(0))
		l.match(l.markValue().masked(hostUint32(x.uint32(4)), nil), test{within: []interval{{want, want}}, inverse: x.info[8] != 0})
	case x.is("multiport", 1, 48):
		l.multiport(x)
	case x.is("state", 0, 4):
		m := l.stateMatch(uint16(x.uint32(0)), false)
		l.match(m.value, m.test)
	case x.is("pkttype", 0, 8) && !l.exact: // struct xt_pkttype_info
		want := []byte{byte(x.uint32(0))}
		l.match(value{kind: packetType, name: x.name, size: 1}, test{within: []interval{{want, want}}, inverse: x.uint32(4) != 0})
	case x.is("ipvs", 0, 40):
		l.ipvsMatch(x.info)
	case !l.exactMatch(x.name, x.revision, x.info):
		l.unknownMatch(x.name)
	}
}

func (l *loader) markValue() value {
	return l.traced(value{kind: mark, name: "meta mark", size: 4}, metaOrigin(expr.MetaKeyMARK))
}

func (l *loader) tcpMatch(info *xt.Tcp) {
	if info.Option != 0 {
		l.unknownMatch("tcp option")
	}
	if info.FlagsMask != 0 {
		flags := l.payloadValue(&expr.Payload{Base: expr.PayloadBaseTransportHeader, Offset: tcpFlagsAt, Len: 1}).masked([]byte{info.FlagsMask}, nil)
		l.match(flags, test{within: []interval{{[]byte{info.FlagsCmp}, []byte{info.FlagsCmp}}}, inverse: info.InvFlags&xt.TcpInvFlags != 0})
	}
}

func (l *loader) portsMatch(source, destination [2]uint16, sourceInverse, destinationInverse bool) {
	for _, m := range []struct {
		value   value
		ports   [2]uint16
		inverse bool
	}{{l.portValue(false), source, sourceInverse}, {l.portValue(true), destination, destinationInverse}} {
		if m.ports != [2]uint16{0, 0xffff} || m.inverse {
			l.match(m.value, test{within: []interval{portInterval(m.ports[0], m.ports[1])}, inverse: m.inverse})
		}
	}
}

// portValue is the source port or the destination port.
func (l *loader) portValue(destination bool) value {
	e := &expr.Payload{Base: expr.PayloadBaseTransportHeader, Len: 2}
	if destination {
		e.Offset = 2
	}
	return l.payloadValue(e)
}

// multiport loads struct xt_multiport_v1: flags, count, 15 ports, a byte for each port
// that is 1 if it begins a range, inversion.
func (l *loader) multiport(x extension) {
	const destination, either = 1, 2
	t := multiportTest(x)
	switch {
	case x.info[0] != either:
		l.match(l.portValue(x.info[0] == destination), t)
	case !l.exact:
		l.addCondition("multiport")
	case t.inverse:
		l.match(l.portValue(false), t)
		l.match(l.portValue(true), t)
	default:
		source, other := l.portValue(false), test{within: t.within, inverse: true}
		l.add(choice{condition{"multiport"}, [][]match{{{source, t}}, {{source, other}, {l.portValue(true), t}}}})
	}
}

func multiportTest(x extension) test {
	const maxPorts = 15
	t := test{inverse: x.info[47] != 0}
	for i := 0; i < min(int(x.info[1]), maxPorts); i++ {
		low := x.uint16(2 + 2*i)
		high := low
		if x.info[32+i] != 0 && i < maxPorts-1 {
			i++
			high = x.uint16(2 + 2*i)
		}
		t.within = append(t.within, portInterval(low, high))
	}
	return t
}

func (l *loader) conntrackMatch(info *xt.ConntrackMtinfoBase, states, highPort uint16) {
	const state, alias = uint16(xt.ConntrackState), uint16(xt.ConntrackStateAlias)
	l.reads |= oldconfig.ReadsConnection
	if l.exact && info.MatchFlags&state != 0 && info.MatchFlags&^(state|alias) != 0 && holdsWithout(states, info.InvertFlags&state != 0) {
		l.addCondition("conntrack")
		return
	}
	switch flags := l.originalMatch(info, highPort) &^ alias; {
	case flags == 0 && info.MatchFlags&^alias != 0:
		return
	case flags != state:
		l.connectionConditions(flags &^ state)
		return
	}
	const snat, dnat, untracked = 1 << 6, 1 << 7, 1 << 8 // XT_CONNTRACK_STATE_*
	if states&(snat|dnat) != 0 && l.exact {
		l.addCondition(ctStatus)
		return
	}
	translated := states&(snat|dnat) != 0
	states &^= snat | dnat
	if states&untracked != 0 {
		states = states&^untracked | uint16(stateUntracked)
	}
	m := l.stateMatch(states, info.InvertFlags&state != 0)
	if translated {
		l.add(translatedState{m})
		return
	}
	l.match(m.value, m.test)
}

// extensionTarget loads an xtables target.
func (l *loader) extensionTarget(e nft.Expression) {
	name := e.Extension()
	effects := map[string]Effect{
		"DNAT": Redirects, "REDIRECT": Redirects, "NETMAP": Redirects, "REJECT": Rejects,
		"QUEUE": Queues, "TPROXY": Proxies, "SYNPROXY": Proxies, "TARPIT": Drops,
	}
	others := []string{"TCPMSS", "TCPOPTSTRIP", "DSCP", "TOS", "ECN", "TTL", "HL", "CLASSIFY"}
	harmless := []string{
		"LOG", "NFLOG", "ULOG", "TRACE", "CHECKSUM", "TEE", "AUDIT", "SECMARK", "CONNSECMARK", "RATEEST", "LED", "IDLETIMER", "ACCOUNT",
	}
	effect, intercepts := effects[name]
	switch {
	case intercepts:
		l.add(interception{effect: effect, ends: true, to: l.targetRange(e)})
		if effect == Queues || name == "TPROXY" {
			l.endChain()
		}
	case name == "NFQUEUE":
		l.queueTarget(e)
	case name == "MARK" || name == "CONNMARK" || name == "HMARK":
		l.markTarget(e)
	case name == "SNAT" || name == "MASQUERADE":
		l.add(sourceTranslation{masquerade: name == "MASQUERADE", to: l.targetRange(e)})
	case name == "NOTRACK":
		l.add(notrack{})
	case name == "CT":
		l.ctTarget(e)
	case name == "SET":
		l.setTarget(e)
	case slices.Contains(others, name):
		l.changesOthers(name)
	case !slices.Contains(harmless, name):
		l.add(interception{effect: Unknown, condition: "the unknown target " + name})
	}
}

// ctTarget loads struct xt_ct_target_info or xt_ct_target_info_v1, which begin with flags, and
// have the name of a helper after 12 bytes.
func (l *loader) ctTarget(e nft.Expression) {
	const noTrack, helperAt, helperLen = 1, 12, 16 // XT_CT_NOTRACK; char helper[16]
	of, ok := l.typed(e).(*expr.Target)
	if !ok {
		return
	}
	x := extensionOf("CT", of.Rev, of.Info)
	if len(x.info) >= 2 && x.uint16(0)&noTrack != 0 {
		l.add(notrack{})
	}
	const oneDirection, zoneOfMark = 4 | 8, 16 // XT_CT_ZONE_DIR_*, XT_CT_ZONE_MARK
	if len(x.info) >= 4 && (l.exact || x.uint16(0)&oneDirection == 0) && (x.uint16(2) != 0 || x.uint16(0)&zoneOfMark != 0) {
		l.add(zoneSet{})
	}
	if l.exact && len(x.info) > helperAt && x.info[helperAt] != 0 {
		name, _, _ := bytes.Cut(x.info[helperAt:min(len(x.info), helperAt+helperLen)], []byte{0})
		l.add(helperAssignment{name: string(name)})
	}
}

// markTarget loads struct xt_mark_tginfo2, xt_connmark_tginfo1 or xt_connmark_tginfo2.
// xt_connmark_tginfo2 has two bytes for a shift before the mode; a shift is not followed.
func (l *loader) markTarget(e nft.Expression) {
	const restore = 2 // XT_CONNMARK_RESTORE
	x := extension{name: e.Extension()}
	if of, ok := l.typed(e).(*expr.Target); ok {
		x = extensionOf(x.name, of.Rev, of.Info)
	}
	switch {
	case x.is("MARK", 2, 8):
		to, mask := x.uint32(0), x.uint32(4)
		l.add(markSet{l.markValue().masked(hostUint32(^mask), hostUint32(to))})
	case x.is("CONNMARK", 2, 15) && x.info[13] != 0: // bits to shift by
		if x.info[14] == restore {
			l.add(unknownMark{x.name})
		} else {
			l.add(ctMarkSet{})
		}
	case x.is("CONNMARK", 1, 13), x.is("CONNMARK", 2, 15):
		if mode := x.info[12+2*(x.revision-1)]; mode == restore {
			l.add(markRestore{l.markValue().masked(hostUint32(^x.uint32(8)), nil), connMarkOf(x)})
		} else {
			l.add(ctMarkSet{exact: connMarkOf(x)})
		}
	default:
		l.add(unknownMark{x.name})
	}
}

// setTarget loads struct xt_set_info_target_v3: three sets of 4 bytes, and the flags of the last one,
// from which the packet may get its mark (--map-mark). Earlier revisions have two sets only.
func (l *loader) setTarget(e nft.Expression) {
	const flagsAt, mapsMark = 12, 1 << 8 // IPSET_FLAG_MAP_SKBMARK of linux/netfilter/ipset/ip_set.h
	of, ok := l.typed(e).(*expr.Target)
	if !ok {
		l.add(unknownMark{"SET"})
		return
	}
	x := extensionOf("SET", of.Rev, of.Info)
	if x.revision >= 3 && (!x.is("SET", 3, flagsAt+4) || x.uint32(flagsAt)&mapsMark != 0) {
		l.add(unknownMark{"SET --map-mark"})
	}
}

func connMarkOf(x extension) *connMark {
	return &connMark{x.info[12+2*(x.revision-1)], x.uint32(0), x.uint32(4), x.uint32(8)}
}

package firewall

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/internal/nftname"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// Numbers of linux/if_ether.h.
const (
	etherTypeIPv4 = 0x0800 // ETH_P_IP
	etherTypeIPv6 = 0x86dd // ETH_P_IPV6
)

// meta loads metadata of a packet, or sets it.
func (l *loader) meta(e *expr.Meta) {
	if e.SourceRegister {
		switch to := l.at(e.Register); {
		case e.Key == expr.MetaKeyMARK:
			l.add(markSet{to})
		case e.Key == expr.MetaKeyPKTTYPE && !l.exact:
			l.add(packetTypeSet{to})
		case e.Key == expr.MetaKeyPKTTYPE && (to.kind != constant || !isFilled(to.bytes, packetHost)):
			l.add(unknownMark{name: "sets the packet type, and IPVS takes packets to the host only"})
		case e.Key == expr.MetaKeyPRIORITY:
			l.changesOthers("sets " + nft.MetaName(e.Key))
		}
		return
	}
	name := nft.MetaName(e.Key)
	v := opaqueValue(name, metaSize(e.Key))
	switch e.Key {
	case expr.MetaKeyMARK:
		v.kind, l.reads = mark, l.reads|oldconfig.ReadsMark
	case expr.MetaKeyPRIORITY:
		l.reads |= oldconfig.ReadsOthers
	case expr.MetaKeyIIFNAME, expr.MetaKeyOIFNAME:
		v.excluded = []byte("lo\x00")
	case expr.MetaKeyIIF, expr.MetaKeyOIF:
		v.excluded = hostUint32(loopbackIndex)
	case expr.MetaKeyNFPROTO:
		v = constantValue(name, []byte{byte(l.space.family)})
	case expr.MetaKeyPROTOCOL:
		v = constantValue(name, etherType(l.space.family))
	case expr.MetaKeyL4PROTO:
		v = l.protocolValue()
	case expr.MetaKeyPKTTYPE:
		if !l.exact {
			v = value{kind: packetType, name: name, size: 1}
		}
	}
	l.fill(e.Register, l.traced(v, metaOrigin(e.Key)))
}

// protocolValue is the protocol of the transport header.
func (l *loader) protocolValue() value {
	v := value{kind: protocol, name: nft.MetaName(expr.MetaKeyL4PROTO), size: 1}
	return l.traced(v, metaOrigin(expr.MetaKeyL4PROTO))
}

// loopbackIndex is the index of the loopback device (LOOPBACK_IFINDEX of
// net/net_namespace.h). Packets of the flows come in and leave by other devices: those that
// the director sends to a VIP do not pass the hooks before IPVS.
const loopbackIndex = 1

func metaSize(key expr.MetaKey) int {
	const deviceName = 16 // IFNAMSIZ
	switch key {
	case expr.MetaKeyIIFNAME, expr.MetaKeyOIFNAME:
		return deviceName
	case expr.MetaKeyPROTOCOL, expr.MetaKeyIIFTYPE, expr.MetaKeyOIFTYPE:
		return 2
	}
	return 4
}

func etherType(f nft.Family) []byte {
	if f == nft.IPv4 {
		return binary.BigEndian.AppendUint16(nil, etherTypeIPv4)
	}
	return binary.BigEndian.AppendUint16(nil, etherTypeIPv6)
}

// A header has the offsets of fields in the IPv4 header (RFC 791) or in the IPv6 header
// (RFC 8200), in bytes.
type header struct{ source, destination, protocol uint32 }

func (s *space) header() header {
	if s.family == nft.IPv4 {
		return header{12, 16, 9}
	}
	return header{8, 24, 6} // the next header
}

// payload loads bytes of a packet.
func (l *loader) payload(e *expr.Payload) {
	l.reads |= l.space.readsPayload(e)
	l.fill(e.DestRegister, l.payloadValue(e))
}

func (s *space) payloadValue(e *expr.Payload) value {
	at, size := s.header(), uint32(s.size)
	known, client, knownPort := at.destination, at.source, uint32(2)
	if s.flow.leaves() {
		known, client, knownPort = at.source, at.destination, 0
	}
	v := opaqueValue(s.payloadName(e), int(e.Len))
	v.loaded = e
	v.mayLack = s.mayLack(e)
	if e.Base == expr.PayloadBaseTransportHeader {
		switch {
		case e.Offset == knownPort && e.Len == 2:
			v.kind = port
		case e.Offset < 4:
			v.ofClient = s.flow != toVIP
		case e.Offset == tcpFlagsAt && e.Len == 1:
			v.kind, v.name = tcpFlags, "tcp flags"
		}
		return v
	}
	switch {
	case e.Base != expr.PayloadBaseNetworkHeader:
	case e.Offset == known && e.Len <= size:
		v.kind = address
	case e.Offset > known && e.Offset+e.Len <= known+size:
		v.kind = address
		from := e.Offset - known
		v = v.changed(func(b []byte) []byte { return b[from : from+e.Len] })
	case e.Offset >= client && e.Offset < client+size:
		v.ofClient = s.flow != toVIP
	case e.Offset == at.protocol && e.Len == 1:
		v.kind = protocol
	}
	return v
}

// mayLack reports whether packets may be too short for a field. All have the header without
// options of their family, and the ports.
func (s *space) mayLack(e *expr.Payload) bool {
	switch e.Base {
	case expr.PayloadBaseNetworkHeader:
		return e.Offset+e.Len > s.header().destination+uint32(s.size)
	case expr.PayloadBaseTransportHeader:
		return e.Offset+e.Len > 4
	}
	return true
}

// tcpFlagsAt is the offset of the flags in the header of TCP (RFC 9293, 3.1).
const tcpFlagsAt = 13

func (s *space) payloadName(e *expr.Payload) string {
	at, size := s.header(), uint32(s.size)
	transport, network := e.Base == expr.PayloadBaseTransportHeader, e.Base == expr.PayloadBaseNetworkHeader
	switch {
	case transport && e.Len == 2 && e.Offset == 0:
		return "source port"
	case transport && e.Len == 2 && e.Offset == 2:
		return "destination port"
	case network && e.Offset >= at.destination-size && e.Offset < at.destination:
		return s.family.String() + " saddr"
	case network && e.Offset >= at.destination:
		return s.family.String() + " daddr"
	}
	return fieldName(s.family, e)
}

// fieldName names the loaded bytes of a header as nft does.
func fieldName(family nft.Family, e *expr.Payload) string {
	const inner = 3 // NFT_PAYLOAD_INNER_HEADER: behind the transport header
	base, header := "ll", "ether"
	switch e.Base {
	case inner:
		base, header = "ih", ""
	case expr.PayloadBaseNetworkHeader:
		base, header = "nh", family.String()
	case expr.PayloadBaseTransportHeader:
		base, header = "th", ""
	}
	var names []string
	for _, field := range nftname.Fields(header, int(e.Offset)*8, int(e.Len)*8, -1) {
		names = append(names, field.Name)
	}
	if len(names) == 0 {
		return fmt.Sprintf("@%s,%d,%d", base, e.Offset*8, e.Len*8)
	}
	return header + " " + strings.Join(names, " and ")
}

// ctOriginalDestination is the name of the address that the client has connected to.
const ctOriginalDestination = "ct original daddr"

// conntrack loads a property of the connection, or sets it.
func (l *loader) conntrack(e *expr.Ct) {
	if e.SourceRegister {
		l.conntrackSet(e)
		return
	}
	l.reads |= oldconfig.ReadsConnection
	v := value{name: ctName(e.Key), size: 4, ofConnection: true}
	switch e.Key {
	case expr.CtKeySTATUS:
		v.kind, v.name = status, ctStatus
	case expr.CtKeyBYTES, expr.CtKeyPKTS, expr.CtKeyAVGPKT:
		v.name = ctVolume
	case expr.CtKeySTATE:
		v = value{kind: state, name: ctState, size: 4}
	case expr.CtKeyMARK:
		v.kind, v.name, l.reads = ctMark, "ct mark", l.reads|oldconfig.ReadsMark
	case expr.CtKeyLABELS:
		l.reads |= oldconfig.ReadsOthers
	case expr.CtKeyDSTIP, expr.CtKeyDSTIP6:
		if e.Direction == expr.CtDirOriginal {
			v.name = ctOriginalDestination
		}
	}
	v = l.traced(v, l.space.ctOrigin(e))
	l.fill(e.Register, v)
}

// ctName returns the name of a property of connections: "ct" for addresses and ports.
func ctName(key expr.CtKey) string {
	switch key {
	case expr.CtKeyDIRECTION:
		return "ct direction"
	case expr.CtKeyEXPIRATION:
		return "ct expiration"
	case expr.CtKeyHELPER:
		return "ct helper"
	case expr.CtKeyL3PROTOCOL, expr.CtKeyPROTOCOL:
		return "ct protocol"
	case expr.CtKeyLABELS:
		return "ct label"
	case expr.CtKeyZONE:
		return "ct zone"
	}
	return "ct"
}

// fib knows the type of the destination: VIPs are local addresses of the director, real
// servers and clients are not.
func (l *loader) fib(e *expr.Fib) {
	if e.FlagMARK {
		l.reads |= oldconfig.ReadsMark
	}
	v := l.traced(opaqueValue("fib", 4), fibOrigin(e))
	if e.ResultADDRTYPE && e.FlagDADDR && !e.FlagSADDR && !e.FlagMARK && !e.FlagIIF && !e.FlagOIF && !e.FlagPRESENT {
		v = l.traced(constantValue("fib daddr type", hostUint32(l.space.flow.destinationType())), fibOrigin(e))
	}
	l.fill(e.Register, v)
}

func (l *loader) payloadValue(e *expr.Payload) value {
	return l.traced(l.space.payloadValue(e), &origin{part: ofPayload, base: e.Base, offset: int(e.Offset), addressSize: l.space.size})
}

// exactMatch loads, for package exact, matches of iptables-nft that other analyses take as
// conditions. It reports whether it has loaded the extension.
func (l *loader) exactMatch(name string, revision uint32, info []byte) bool {
	switch {
	case !l.exact:
		return false
	case name == "connmark" && revision == 1 && len(info) >= 9:
		l.connmarkMatch(info)
	case name == "mac" && revision == 0 && len(info) >= 12:
		l.macMatch(info)
	case name == "iprange" && revision == 1 && len(info) >= 65:
		l.rangeMatch(info)
	default:
		return false
	}
	return true
}

// connmarkMatch loads struct xt_connmark_mtinfo1: mark, mask, inversion.
func (l *loader) connmarkMatch(info []byte) {
	v := l.traced(value{kind: ctMark, name: "ct mark", size: 4}, l.space.ctOrigin(&expr.Ct{Key: expr.CtKeyMARK}))
	want := info[:4]
	l.match(v.masked(info[4:8], nil), test{within: []interval{{want, want}}, inverse: info[8] != 0})
}

// macMatch loads struct xt_mac_info: the sender in the header of Ethernet, and inversion.
func (l *loader) macMatch(info []byte) {
	v := l.payloadValue(&expr.Payload{Base: expr.PayloadBaseLLHeader, Offset: 6, Len: 6})
	l.match(v, test{within: []interval{{info[:6], info[:6]}}, inverse: !isFilled(info[8:12], 0)})
}

// rangeMatch loads struct xt_iprange_mtinfo: lowest and highest source and destination, each of
// 16 bytes, and flags.
func (l *loader) rangeMatch(info []byte) {
	const sourceInverse, destinationInverse = 1 << 4, 1 << 5 // IPRANGE_*_INV
	flags, header := info[64], l.space.header()
	for i, end := range []struct {
		offset  uint32
		inverse byte
	}{{header.source, sourceInverse}, {header.destination, destinationInverse}} {
		if flags>>i&1 == 0 { // IPRANGE_SRC, IPRANGE_DST
			continue
		}
		size := l.space.size
		low, high := info[32*i:32*i+size], info[32*i+16:32*i+16+size]
		v := l.payloadValue(&expr.Payload{Base: expr.PayloadBaseNetworkHeader, Offset: end.offset, Len: uint32(size)})
		l.match(v, test{within: []interval{{low, high}}, inverse: flags&end.inverse != 0})
	}
}

package firewall

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/nft"
)

// Conditions on connections that packets to a VIP do not meet as the first of their
// connection: another state than new, and a translated destination.
const (
	ctState  = "ct state"
	ctStatus = "ct status"
)

// Numbers of linux/if_ether.h and linux/rtnetlink.h.
const (
	etherTypeIPv4 = 0x0800 // ETH_P_IP
	etherTypeIPv6 = 0x86dd // ETH_P_IPV6
	typeLocal     = 2      // RTN_LOCAL
)

// meta loads metadata of a packet, or sets it.
func (l *loader) meta(e *expr.Meta) {
	if e.SourceRegister {
		if e.Key == expr.MetaKeyMARK {
			l.add(markSet{l.at(e.Register)})
		}
		return
	}
	name := nft.MetaName(e.Key)
	v := opaqueValue(name, metaSize(e.Key))
	switch e.Key {
	case expr.MetaKeyMARK:
		v.kind = mark
	case expr.MetaKeyIIFNAME:
		v.excluded = []byte("lo\x00")
	case expr.MetaKeyIIF:
		v.excluded = hostUint32(loopbackIndex)
	case expr.MetaKeyNFPROTO:
		v = constantValue(name, []byte{byte(l.space.family)})
	case expr.MetaKeyPROTOCOL:
		v = constantValue(name, etherType(l.space.family))
	case expr.MetaKeyL4PROTO:
		v = value{kind: protocol, name: name, size: 1}
	}
	l.fill(e.Register, v)
}

// loopbackIndex is the index of the loopback device (LOOPBACK_IFINDEX of
// net/net_namespace.h). Packets to IPVS come in by other devices: those that the director
// sends to a VIP do not pass the hooks before IPVS.
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

// payload loads bytes of a packet, or writes them.
func (l *loader) payload(e *expr.Payload) {
	if e.OperationType == expr.PayloadWrite {
		if l.space.redirects(e) {
			l.add(interception{effect: Redirects})
		}
		return
	}
	name := l.space.payloadName(e)
	at, size := l.space.header(), uint32(l.space.size)
	v := opaqueValue(name, int(e.Len))
	switch {
	case e.Base == expr.PayloadBaseTransportHeader && e.Offset == 2 && e.Len == 2:
		v = value{kind: port, name: name, size: 2}
	case e.Base != expr.PayloadBaseNetworkHeader:
	case e.Offset == at.destination && e.Len <= size:
		v.kind = destination
	case e.Offset > at.destination && e.Offset+e.Len <= at.destination+size:
		v.kind = destination
		from := e.Offset - at.destination
		v = v.changed(func(b []byte) []byte { return b[from : from+e.Len] })
	case e.Offset == at.protocol && e.Len == 1:
		v = value{kind: protocol, name: name, size: 1}
	}
	l.fill(e.DestRegister, v)
}

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
	return fmt.Sprintf("@%d,%d,%d", e.Base, e.Offset*8, e.Len*8)
}

// redirects reports whether a payload expression changes the destination or the protocol.
func (s *space) redirects(e *expr.Payload) bool {
	at := s.header()
	overlaps := func(field, n uint32) bool { return e.Offset < field+n && field < e.Offset+e.Len }
	switch e.Base {
	case expr.PayloadBaseNetworkHeader:
		return overlaps(at.destination, uint32(s.size)) || overlaps(at.protocol, 1)
	case expr.PayloadBaseTransportHeader:
		return overlaps(2, 2)
	}
	return false
}

// conntrack assumes that packets are the first of their connection. Later packets have
// another state and may have a connection mark. Setting fields of the connection does not
// affect the packets.
func (l *loader) conntrack(e *expr.Ct) {
	if e.SourceRegister {
		return
	}
	v := opaqueValue("ct", 4)
	switch e.Key {
	case expr.CtKeySTATUS:
		v.name = ctStatus
	case expr.CtKeySTATE:
		v = value{kind: constant, name: ctState, size: 4, bytes: hostUint32(expr.CtStateBitNEW), firstPacketOnly: true}
	case expr.CtKeyMARK:
		v = value{kind: constant, name: "ct mark", size: 4, bytes: hostUint32(0), firstPacketOnly: true}
	}
	l.fill(e.Register, v)
}

// fib assumes that VIPs are local addresses of the director.
func (l *loader) fib(e *expr.Fib) {
	v := opaqueValue("fib", 4)
	if e.ResultADDRTYPE && e.FlagDADDR && !e.FlagSADDR && !e.FlagMARK && !e.FlagIIF && !e.FlagOIF && !e.FlagPRESENT {
		v = constantValue("fib daddr type", hostUint32(typeLocal))
	}
	l.fill(e.Register, v)
}

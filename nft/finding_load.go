package nft

import (
	"encoding/binary"
	"fmt"
	"maps"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// What expressions put into a register. Each returns the register, 0 for an
// expression that writes to the packet instead.

func (w *walk) loadMeta(e rawExpression) (uint32, value) {
	key := e.uint32(unix.NFTA_META_KEY)
	name := MetaName(expr.MetaKey(key))
	v := opaqueValue(name, metaLen(key))
	switch key {
	case unix.NFT_META_MARK:
		v = w.markNow(name)
	case unix.NFT_META_NFPROTO:
		v = constantValue(name, []byte{byte(w.packets.family)})
	case unix.NFT_META_PROTOCOL:
		v = constantValue(name, ethertype(w.packets.family))
	case unix.NFT_META_L4PROTO:
		v = value{kind: protocol, name: name, size: 1}
	}
	return e.uint32(unix.NFTA_META_DREG), v
}

// markNow is the mark that the packets have at the hook point: none before
// lvsmark's chain, and the cluster's behind it.
func (w *walk) markNow(name string) value {
	switch w.hookPoint.side {
	case beforeMarks:
		return constantValue(name, markBytes(0))
	case behindMarks:
		return value{kind: mark, name: name, size: 4}
	}
	return opaqueValue(name, 4)
}

func metaLen(key uint32) int {
	switch key {
	case unix.NFT_META_IIFNAME, unix.NFT_META_OIFNAME:
		return unix.IFNAMSIZ
	case unix.NFT_META_PROTOCOL, unix.NFT_META_IIFTYPE, unix.NFT_META_OIFTYPE:
		return 2
	}
	return 4
}

func ethertype(f Family) []byte {
	if f == IPv4 {
		return binary.BigEndian.AppendUint16(nil, unix.ETH_P_IP)
	}
	return binary.BigEndian.AppendUint16(nil, unix.ETH_P_IPV6)
}

func (w *walk) loadPayload(e rawExpression) (uint32, value) {
	base, offset, size := expr.PayloadBase(e.uint32(unix.NFTA_PAYLOAD_BASE)), e.uint32(unix.NFTA_PAYLOAD_OFFSET), e.uint32(unix.NFTA_PAYLOAD_LEN)
	register := e.uint32(unix.NFTA_PAYLOAD_DREG)
	name := payloadName(w.packets.family, base, offset, size)
	at := addrOffset(w.packets.family)
	switch {
	case base == expr.PayloadBaseTransportHeader && offset == 2 && size == 2:
		return register, value{kind: port, name: name, size: 2}
	case base != expr.PayloadBaseNetworkHeader:
	case offset == at && size <= addrLen(w.packets.family):
		return register, value{kind: destination, name: name, size: int(size)}
	case offset > at && offset+size <= at+addrLen(w.packets.family):
		from := offset - at
		v := value{kind: destination, name: name, size: int(size)}
		return register, v.changed(func(b []byte) []byte { return b[from : from+size] })
	case offset == protocolOffset(w.packets.family) && size == 1:
		return register, value{kind: protocol, name: name, size: 1}
	}
	return register, opaqueValue(name, int(size))
}

// addrOffset is that of the destination address; see ruleBuilder.daddr.
func addrOffset(f Family) uint32 {
	if f == IPv4 {
		return 16
	}
	return 24
}

// protocolOffset is that of the protocol, and of the next header of IPv6.
func protocolOffset(f Family) uint32 {
	if f == IPv4 {
		return 9
	}
	return 6
}

func payloadName(f Family, base expr.PayloadBase, offset, size uint32) string {
	switch {
	case base == expr.PayloadBaseTransportHeader && size == 2 && offset == 0:
		return "source port"
	case base == expr.PayloadBaseTransportHeader && size == 2 && offset == 2:
		return "destination port"
	case base == expr.PayloadBaseNetworkHeader && offset >= addrOffset(f)-addrLen(f) && offset < addrOffset(f):
		return f.String() + " saddr"
	case base == expr.PayloadBaseNetworkHeader && offset >= addrOffset(f):
		return f.String() + " daddr"
	}
	return fmt.Sprintf("@%d,%d,%d", base, offset*8, size*8)
}

// loadConntrack takes the packets for the first of their connections; later
// ones have another state, and perhaps a mark.
func (w *walk) loadConntrack(e rawExpression) (uint32, value) {
	const stateNew = 1 << 3 // NF_CT_STATE_BIT(IP_CT_NEW)
	register := e.uint32(unix.NFTA_CT_DREG)
	switch e.uint32(unix.NFTA_CT_KEY) {
	case unix.NFT_CT_STATE:
		return register, value{kind: constant, name: "ct state", size: 4, bytes: hostUint32(stateNew), fickle: true}
	case unix.NFT_CT_MARK:
		return register, value{kind: constant, name: "ct mark", size: 4, bytes: hostUint32(0), fickle: true}
	}
	return register, opaqueValue("ct", 4)
}

// loadFIB: a VIP is a local address of the director.
func (w *walk) loadFIB(e rawExpression) (uint32, value) {
	register, flags := e.uint32(unix.NFTA_FIB_DREG), e.uint32(unix.NFTA_FIB_FLAGS)
	if e.uint32(unix.NFTA_FIB_RESULT) == unix.NFT_FIB_RESULT_ADDRTYPE && flags == unix.NFTA_FIB_F_DADDR {
		return register, constantValue("fib daddr type", hostUint32(unix.RTN_LOCAL))
	}
	return register, opaqueValue("fib", 4)
}

// loadOther is for expressions of which nothing can be known beforehand.
func (w *walk) loadOther(e rawExpression) (uint32, value) {
	register := map[string]uint16{
		"exthdr": 1, "rt": 1, "socket": 2, "osf": 1, "numgen": 1, "hash": 2, "tunnel": 2, "xfrm": 1, "inner": 0,
	}[e.name]
	if e.name == "inner" {
		return unix.NFT_REG_1, opaqueValue(e.name, 16)
	}
	return e.uint32(register), opaqueValue(e.name, 4)
}

// A rawExpression is an expression with its attributes by number.
type rawExpression struct {
	name  string
	attrs map[uint16][]byte
}

func rawOf(e Expression) rawExpression {
	raw := rawExpression{name: e.Name, attrs: map[uint16][]byte{}}
	maps.Insert(raw.attrs, netlink.Attributes([]byte(e.Data)))
	return raw
}

func (e rawExpression) uint32(typ uint16) uint32 {
	if data := e.attrs[typ]; len(data) == 4 {
		return binary.BigEndian.Uint32(data)
	}
	return 0
}

func (e rawExpression) text(typ uint16) string {
	return strings.TrimRight(string(e.attrs[typ]), "\x00")
}

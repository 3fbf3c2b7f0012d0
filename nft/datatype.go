package nft

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// Type numbers of nft(8), which the kernel stores but does not use, and the kernel's number
// for verdicts. google/nftables has them as variables, which cannot be constants or switch
// cases; a test compares them.
const (
	typeIPv4    = 7
	typeIPv6    = 8
	typeService = 13
	typeMark    = 19
	typeVerdict = unix.NFT_DATA_VERDICT
)

// typeNames are the names in nft(8), "DATA TYPES".
var typeNames = map[uint32]string{
	1: "verdict", 2: "nf_proto", 5: "integer", 6: "string", typeIPv4: "ipv4_addr",
	typeIPv6: "ipv6_addr", 9: "ether_addr", 10: "ether_type", 12: "inet_proto",
	typeService: "inet_service", 14: "icmp_type", 16: "time", typeMark: "mark",
	20: "iface_index", 41: "ifname", typeVerdict: "verdict",
}

func typeName(typ uint32) string {
	if name, ok := typeNames[typ]; ok {
		return name
	}
	return fmt.Sprintf("0x%x", typ)
}

func addrType(f Family) uint32 {
	if f == IPv4 {
		return typeIPv4
	}
	return typeIPv6
}

func addrLen(f Family) uint32 { return uint32(f.ofSpec().Bits() / 8) }

// hostOrder reports whether nft stores values of the type in host byte order.
func hostOrder(typ uint32) bool { return typ == typeMark }

// addrOf decodes an address of 4 or 16 bytes.
func addrOf[T netlink.Content](b T) (netip.Addr, bool) { return netip.AddrFromSlice([]byte(b)) }

func markBytes(mark uint32) []byte { return binary.NativeEndian.AppendUint32(nil, mark) }

// MarkText formats a mark as nft does: "0x00000015".
func MarkText(mark uint32) string { return valueText(typeMark, markBytes(mark)) }

// valueText formats a value of the type as nft does.
func valueText[T netlink.Content](typ uint32, b T) string {
	return string(appendValueText(nil, typ, b))
}

func appendValueText[T netlink.Content](text []byte, typ uint32, b T) []byte {
	switch {
	case (typ == typeIPv4 && len(b) == 4) || (typ == typeIPv6 && len(b) == 16):
		addr, _ := addrOf(b)
		return addr.AppendTo(text)
	case typ == typeMark && len(b) == 4:
		text = append(text, "0x"...)
		return hex.AppendEncode(text, binary.BigEndian.AppendUint32(nil, hostOrdered(b)))
	case typ == typeService && len(b) == 2:
		return strconv.AppendUint(text, uint64(binary.BigEndian.Uint16([]byte(b))), 10)
	}
	return hex.AppendEncode(append(text, "0x"...), []byte(b))
}

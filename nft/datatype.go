package nft

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// Type numbers of nft(8), which the kernel stores but does not use, and the kernel's number
// for verdicts. google/nftables has them as variables, which cannot be constants or switch
// cases; a test compares them.
const (
	typeIPv4    = 7
	typeIPv6    = 8
	typeEther   = 9
	typeService = 13
	typeMark    = 19
	typeIfindex = 20
	typeIfname  = 41
	typeVerdict = unix.NFT_DATA_VERDICT
)

// typeNames are the names in nft(8), "DATA TYPES", by enum datatypes of nftables
// (include/datatype.h).
var typeNames = map[uint32]string{
	1: "verdict", 2: "nf_proto", 4: "integer", 5: "string", typeIPv4: "ipv4_addr",
	typeIPv6: "ipv6_addr", typeEther: "ether_addr", 10: "ether_type", 12: "inet_proto",
	typeService: "inet_service", 14: "icmp_type", 18: "time", typeMark: "mark",
	typeIfindex: "iface_index", typeIfname: "ifname", typeVerdict: "verdict",
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
func hostOrder(typ uint32) bool { return typ == typeMark || typ == typeIfname }

// hasDevices reports whether values of the type, or of a part of it, are indexes of devices.
func hasDevices(typ uint32) bool {
	for ; typ != 0; typ >>= typeBits {
		if typ&typeMask == typeIfindex {
			return true
		}
	}
	return false
}

// A concatenation has a type number of typeBits for each part.
const typeBits, typeMask = 6, 1<<6 - 1

// An AddressRange is a range of addresses; invalid if First is.
type AddressRange = config.AddressRange

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

// RegisterSlots is the number of 32-bit registers of a rule. NFT_REG_1 to NFT_REG_4 are four
// of them each.
const RegisterSlots = unix.NFT_REG32_15 - unix.NFT_REG32_00 + 1

// RegisterSlot returns the index of the first 32-bit register of a register number; false
// for the verdict register and invalid numbers.
func RegisterSlot(register uint32) (int, bool) {
	switch {
	case register >= unix.NFT_REG_1 && register <= unix.NFT_REG_4:
		return int(register-unix.NFT_REG_1) * 4, true
	case register >= unix.NFT_REG32_00 && register <= unix.NFT_REG32_15:
		return int(register - unix.NFT_REG32_00), true
	}
	return 0, false
}

// RegisterLen returns the number of bytes that a value of size bytes occupies in registers.
func RegisterLen(size int) int { return (size + 3) &^ 3 }

// Predecessor returns the value before b in the kernel's order, that of memcmp; false if
// there is none.
func Predecessor(b []byte) ([]byte, bool) {
	b = bytes.Clone(b)
	for i := len(b) - 1; i >= 0; i-- {
		b[i]--
		if b[i] != 0xff {
			return b, true
		}
	}
	return nil, false
}

// Successor returns the value after b, as Predecessor.
func Successor(b []byte) ([]byte, bool) {
	b = bytes.Clone(b)
	for i := len(b) - 1; i >= 0; i-- {
		b[i]++
		if b[i] != 0 {
			return b, true
		}
	}
	return nil, false
}

// uint32Of decodes 4 bytes in network byte order.
func uint32Of[T netlink.Content](b T) uint32 { return binary.BigEndian.Uint32([]byte(b)) }

// hostOrdered decodes 4 bytes in host byte order.
func hostOrdered[T netlink.Content](b T) uint32 { return binary.NativeEndian.Uint32([]byte(b)) }

// ethernetType is the type of Ethernet devices as meta iiftype has it.
func ethernetType() []byte { return binary.NativeEndian.AppendUint16(nil, unix.ARPHRD_ETHER) }

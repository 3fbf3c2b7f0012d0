package nft

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

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

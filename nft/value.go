package nft

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// RegisterSlots is the number of registers of 32 bits that a rule has; NFT_REG_1 to
// NFT_REG_4 are four of them each.
const RegisterSlots = unix.NFT_REG32_15 - unix.NFT_REG32_00 + 1

// Slot is the first register of 32 bits that a register number stands for; false for
// the register of verdicts, and for no register.
func Slot(register uint32) (int, bool) {
	switch {
	case register >= unix.NFT_REG_1 && register <= unix.NFT_REG_4:
		return int(register-unix.NFT_REG_1) * 4, true
	case register >= unix.NFT_REG32_00 && register <= unix.NFT_REG32_15:
		return int(register - unix.NFT_REG32_00), true
	}
	return 0, false
}

// Padded is the number of bytes that a value of so many bytes takes in registers.
func Padded(size int) int { return (size + 3) &^ 3 }

// Before returns the value below b in the order in which the kernel compares, that of
// memcmp; false if there is none.
func Before(b []byte) ([]byte, bool) {
	b = bytes.Clone(b)
	for i := len(b) - 1; i >= 0; i-- {
		b[i]--
		if b[i] != 0xff {
			return b, true
		}
	}
	return nil, false
}

// After returns the value above b, as Before.
func After(b []byte) ([]byte, bool) {
	b = bytes.Clone(b)
	for i := len(b) - 1; i >= 0; i-- {
		b[i]++
		if b[i] != 0 {
			return b, true
		}
	}
	return nil, false
}

// uint32Of reads a number of 4 bytes in network byte order.
func uint32Of[T netlink.Content](b T) uint32 { return binary.BigEndian.Uint32([]byte(b)) }

// hostOrdered reads one in host byte order.
func hostOrdered[T netlink.Content](b T) uint32 { return binary.NativeEndian.Uint32([]byte(b)) }

package firewall

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/lvsmark/lvsmark/nft"
)

// A value is what a rule asks about, or what it sets the mark to.
type value struct {
	kind   valueKind
	name   string // as it is told among the conditions: "ip daddr", "iifname"
	size   int    // bytes
	bytes  []byte // of constants
	fickle bool   // a constant for the first packet of a connection, and later another
	slot   int    // of answers: which of the rule's lookups

	// byClass are the bytes of each class, after change; marks are the same as marks in
	// host byte order, where there is no change. Of kind perClass.
	byClass func(class int) []byte
	marks   *marking

	// What the rule does to the bytes first; nil: nothing. prefix is the mask where that
	// is all it does, and the mask leaves the first bits.
	change func([]byte) []byte
	prefix []byte
}

// registers is the number of registers of 32 bits.
const registers = nft.RegisterSlots

type valueKind byte

const (
	opaque      valueKind = iota // nothing is known
	constant                     // the same for all packets of the part
	destination                  // the destination address
	port                         // the destination port
	mark                         // of the packet
	protocol                     // of the transport
	answer                       // what a map has for the packet
	perClass                     // known of each class of addresses
)

func opaqueValue(name string, size int) value { return value{name: name, size: size} }

func constantValue(name string, b []byte) value {
	return value{kind: constant, name: name, size: len(b), bytes: b}
}

// changed is the value after a change of its bytes.
func (v value) changed(change func([]byte) []byte) value {
	switch v.kind {
	case constant:
		v.bytes = change(v.bytes)
	case port:
		v.kind = opaque
	case opaque:
	default:
		previous := v.change
		v.prefix = nil
		v.change = func(b []byte) []byte {
			if previous != nil {
				b = previous(b)
			}
			return change(b)
		}
	}
	return v
}

// masked is the value after a mask and a flip of bits. Where the mask leaves nothing
// of it, it does not matter what it was.
func (v value) masked(mask, xor []byte) value {
	switch {
	case len(mask) > 0 && len(mask) == len(xor) && isFilled(mask, 0):
		return constantValue(v.name, xor)
	case v.kind == destination && v.change == nil && len(mask) == v.size && isFilled(xor, 0):
		if isPrefix(mask) {
			v.change, v.prefix = bitwise(mask, nil), mask
			return v
		}
	}
	return v.changed(bitwise(mask, xor))
}

// isPrefix reports whether a mask leaves the first bits, at least one.
func isPrefix(mask []byte) bool {
	ended := false
	for _, b := range mask {
		if zeros := ^b; ended && b != 0 || zeros&(zeros+1) != 0 {
			return false
		}
		ended = b != 0xff
	}
	return len(mask) > 0 && mask[0] != 0
}

func isFilled(b []byte, with byte) bool {
	return !slices.ContainsFunc(b, func(have byte) bool { return have != with })
}

// of is what the rule makes of bytes.
func (v value) of(b []byte) []byte {
	if v.change != nil {
		return v.change(b)
	}
	return b
}

// bitwise is the change that a bitwise expression makes.
func bitwise(mask, xor []byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b = bytes.Clone(b)
		for i := range b {
			if i < len(mask) {
				b[i] &= mask[i]
			}
			if i < len(xor) {
				b[i] ^= xor[i]
			}
		}
		return b
	}
}

// byteorder is the change that a byteorder expression makes to units of that size.
func byteorder(size int) func([]byte) []byte {
	return func(b []byte) []byte {
		if size <= 1 || binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
			return b
		}
		b = bytes.Clone(b)
		for unit := range slices.Chunk(b, size) {
			slices.Reverse(unit)
		}
		return b
	}
}

func hostUint32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

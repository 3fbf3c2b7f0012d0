package firewall

import (
	"bytes"
	"encoding/binary"
	"math/bits"
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

// isPrefix reports whether a mask has ones, and behind them zeros alone.
func isPrefix(mask []byte) bool {
	n := slices.IndexFunc(mask, func(b byte) bool { return b != 0xff })
	if n < 0 {
		return len(mask) > 0
	}
	ones := bits.LeadingZeros8(^mask[n])
	return mask[0] != 0 && ones+bits.TrailingZeros8(mask[n]) == 8 && isFilled(mask[n+1:], 0)
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

// unmasked is the same test of the address itself, where the mask of the value leaves
// a prefix.
func (v value) unmasked(t test) (value, test) {
	if v.prefix == nil {
		return v, t
	}
	of := test{inverse: t.inverse}
	for _, i := range t.within {
		mask := v.prefix[:len(i.low)]
		low, ok := roundedUp(i.low, mask)
		if high := bitwise(nil, nil)(i.high); ok {
			for n := range high {
				high[n] |= ^mask[n]
			}
			if i = (interval{low, high}); !i.empty() {
				of.within = append(of.within, i)
			}
		}
	}
	v.change, v.prefix = nil, nil
	return v, of
}

// roundedUp is the lowest value not below low that the mask leaves as it is; false: there
// is none.
func roundedUp(low, mask []byte) ([]byte, bool) {
	if bytes.Equal(bitwise(mask, nil)(low), low) {
		return low, true
	}
	high := bytes.Clone(low)
	for i := range high {
		high[i] |= ^mask[i]
	}
	return nft.After(high)
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

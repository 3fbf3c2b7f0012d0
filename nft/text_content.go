package nft

import (
	"bytes"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/nftname"
)

// A content is what a register holds.
type content struct {
	text     string // in nft syntax
	kind     nftname.Kind
	size     int             // bytes
	constant []byte          // nil: not a constant
	data     *Set            // the map that the value comes from; nil: none
	devices  nftname.Devices // of values

	place     *place // the part of a packet that the value is; nil: none
	parts     []part // the fields that make up the part, if they are several
	shift     int    // bits below the field
	mask, xor []byte // nil: none
	binary    bool   // text has an operator
	swapped   bool   // the value was converted from host to network byte order
	used      bool   // an expression has read the value
}

// A place is bits of a packet.
type place struct {
	offset, bits int
	fields       func(offset, bits int) (header string, fields []nftname.Field)
}

// A part is one field of several that are loaded together.
type part struct {
	text         string
	kind         nftname.Kind
	offset, bits int
}

// full returns the text with the mask.
func (o *content) full() string {
	if o.mask == nil {
		return o.text
	}
	text := o.text
	and, xor, or := splitMask(o.mask, o.xor)
	if slices.ContainsFunc(and, func(b byte) bool { return b != 0xff }) {
		text += " & " + o.value(and)
	}
	if !isZero(xor) {
		text += " ^ " + o.value(xor)
	}
	if !isZero(or) {
		text += " | " + o.value(or)
	}
	return text
}

// splitMask returns what nft prints of value & mask ^ xor: value & and ^ xor | or.
func splitMask(mask, flip []byte) (and, xor, or []byte) {
	and, xor, or = bytes.Clone(mask), bytes.Clone(flip), bytes.Clone(flip)
	for i := range mask {
		or[i] = flip[i] &^ mask[i]
		xor[i] = flip[i] & mask[i]
		and[i] |= or[i]
	}
	return and, xor, or
}

// value formats a value that the content is compared with. The first bytes of an address
// are a prefix.
func (o *content) value(b []byte) string {
	if width := o.addressLen(); o.kind == nftname.Address && len(b) < width {
		return fmt.Sprintf("%s/%d", o.kind.Text(append(bytes.Clone(b), make([]byte, width-len(b))...)), len(b)*8)
	}
	return o.devices.Text(o.kind, o.adjusted(b))
}

// addressLen returns the number of bytes of the address of which the content is a part.
func (o *content) addressLen() int {
	if o.place != nil {
		return o.place.bits / 8
	}
	return o.size
}

// numeric formats an end of a range.
func (o *content) numeric(b []byte) string { return o.devices.Numeric(o.kind, o.adjusted(b)) }

// adjusted returns a value as its type has it.
func (o *content) adjusted(b []byte) []byte {
	switch {
	case o.swapped:
		return nftname.Reversed(b)
	case o.shift > 0:
		n := new(big.Int).SetBytes(b)
		return n.Rsh(n, uint(o.shift)).FillBytes(make([]byte, len(b)))
	}
	return b
}

func isZero(b []byte) bool { return strings.Trim(string(b), "\x00") == "" }

// set returns the text of the content as the new value of something of that type.
func (o *content) set(kind nftname.Kind) string {
	if o.constant != nil {
		return o.devices.Text(kind, o.constant)
	}
	return o.full()
}

// maskedBits returns the number of bits before, in and after the run of ones of a mask; no
// ones if there are several runs.
func maskedBits(mask []byte) (before, bits, after int) {
	var b strings.Builder
	for _, octet := range mask {
		fmt.Fprintf(&b, "%08b", octet)
	}
	ones := strings.Trim(b.String(), "0")
	if ones == "" || strings.Contains(ones, "0") {
		return 0, 0, 0
	}
	before = strings.IndexByte(b.String(), '1')
	return before, len(ones), b.Len() - before - len(ones)
}

// prefixLen returns the number of leading ones of a mask in the byte order of the type; -1 if
// other bits are set too.
func (o *content) prefixLen(mask []byte) int {
	if o.kind.IsHostOrder() {
		mask = nftname.Reversed(mask)
	}
	before, bits, _ := maskedBits(mask)
	if before > 0 || bits == 0 && !isZero(mask) {
		return -1
	}
	return bits
}

package firewall

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// A value is the content of a register: a rule tests it, or sets the mark to it.
type value struct {
	kind            valueKind
	name            string // in conditions: "ip daddr", "iifname"
	size            int    // bytes
	bytes           []byte // of constants
	firstPacketOnly bool   // a constant that later packets of a connection may not have
	slot            int    // index in branch.answers, of kind answer
	alternative     []byte // another value of a constant, which packets may have; nil: none
	excluded        []byte // a value that no packet has, of kind opaque; nil: none
	ofClient        bool   // the address or port of the client, of kind opaque

	// Of kind perClass: byClass returns the bytes of a class, after change. marks has the
	// same as marks in host byte order; nil if there is a change.
	byClass func(class int) []byte
	marks   *marking

	// change is what the rule does to the bytes first; nil: nothing. prefix is the mask if
	// change only applies a mask that keeps the first bits.
	change func([]byte) []byte
	prefix []byte

	// loaded is the field that the value was loaded from, if it can be written back: a
	// statement that sets a few bits writes whole bytes. flipped are the bits that the rule
	// has changed since; nil: none.
	loaded  *expr.Payload
	flipped []byte

	// Without the field or the connection, the rule ends.
	mayLack      bool // packets may lack the field
	ofConnection bool // a property of the connection

	what *origin // see loader.exact; otherwise nil
}

// registers is the number of 32-bit registers.
const registers = nft.RegisterSlots

type valueKind byte

const (
	opaque     valueKind = iota // unknown
	constant                    // the same for all packets of the part
	address                     // the address of the known end, see flow
	port                        // the port of the known end
	mark                        // of the packet
	protocol                    // of the transport
	answer                      // the answer of a map for the packet
	perClass                    // known for each class of addresses
	state                       // of connection tracking
	ctMark                      // the mark of the connection
	status                      // of the connection
	tcpFlags                    // one byte
	packetType                  // one byte
)

// isUnknown reports whether no test of the value has a known result.
func (v value) isUnknown() bool { return v.kind == opaque && v.excluded == nil }

func opaqueValue(name string, size int) value { return value{name: name, size: size} }

// certain returns the value, or an unknown one if packets may have another.
func (v value) certain() value {
	if v.alternative == nil {
		return v
	}
	return opaqueValue(v.name, v.size)
}

func constantValue(name string, b []byte) value {
	return value{kind: constant, name: name, size: len(b), bytes: b}
}

// changed returns the value after a change of its bytes.
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

// masked returns the value after a mask and a flip of bits. If the mask clears all bits,
// the result is a constant.
func (v value) masked(mask, xor []byte) value {
	v.what = v.what.masked(mask, xor)
	v.flipped = v.flippedBy(mask, xor)
	switch {
	case len(mask) > 0 && len(mask) == len(xor) && isFilled(mask, 0):
		return constantValue(v.name, xor)
	case v.kind == address && v.change == nil && len(mask) == v.size && isFilled(xor, 0):
		if isPrefix(mask) {
			v.change, v.prefix = bitwise(mask, nil), mask
			return v
		}
	}
	return v.changed(bitwise(mask, xor))
}

// flippedBy returns the bits of the loaded field that are changed after a mask and a flip of bits.
func (v value) flippedBy(mask, xor []byte) []byte {
	if v.loaded == nil {
		return nil
	}
	flipped := make([]byte, v.loaded.Len)
	copy(flipped, v.flipped)
	for i := range flipped {
		if i < len(mask) {
			flipped[i] |= ^mask[i]
		}
		if i < len(xor) {
			flipped[i] |= xor[i]
		}
	}
	return flipped
}

// keeps reports whether the write of a value leaves the byte at the offset as it is.
func (v value) keeps(write *expr.Payload, offset uint32) bool {
	from := v.loaded
	if from == nil || from.Base != write.Base || from.Offset != write.Offset || from.Len != write.Len {
		return false
	}
	return v.flipped == nil || v.flipped[offset-write.Offset] == 0
}

// isPrefix reports whether a mask keeps the first bits, at least one, and clears the rest.
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

// apply applies the change apply the value to bytes.
func (v value) apply(b []byte) []byte {
	if v.change != nil {
		return v.change(b)
	}
	return b
}

// bitwise returns the change of a bitwise expression.
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

// byteorder returns the change of a byteorder expression with units of size bytes.
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

// An origin is what a value is of, and how the rule changes it first. Only exact loaders
// record it: a space has names for most values, which are enough for conditions.
type origin struct {
	part        packetPart
	key         uint32 // of meta and ct
	base        expr.PayloadBase
	offset      int // of payload, in bytes
	addressSize int
	mask, xor   []byte
	reversed    bool // a byteorder expression has changed the order
	changed     bool // in another way
}

// A packetPart is the kind of expression that loads a value.
type packetPart uint8

const (
	ofMeta packetPart = iota + 1
	ofPayload
	ofConntrack
	ofConnection
	ofFib
	ofSourceFib
	ofSocket
)

func metaOrigin(key expr.MetaKey) *origin { return &origin{part: ofMeta, key: uint32(key)} }

func (s *space) ctOrigin(e *expr.Ct) *origin {
	switch field := originalField(e.Key); {
	case e.Direction != expr.CtDirOriginal:
		return nil
	case field != oldconfig.NotUnderstood:
		return s.originOf(field)
	case e.Key != expr.CtKeySTATE && e.Key != expr.CtKeyMARK:
		return nil
	}
	return &origin{part: ofConntrack, key: uint32(e.Key)}
}

// originOf is the origin of a property of a connection. Its key is a field of the model.
func (s *space) originOf(field oldconfig.Field) *origin {
	return &origin{part: ofConnection, key: uint32(field), addressSize: s.size}
}

// originalField returns the field of the model for a property of the original direction of a
// connection. NFT_CT_SRC and NFT_CT_DST are of the family of the packet.
func originalField(key expr.CtKey) oldconfig.Field {
	switch key {
	case expr.CtKeySRC, expr.CtKeySRCIP, expr.CtKeySRCIP6:
		return oldconfig.OriginalSource
	case expr.CtKeyDST, expr.CtKeyDSTIP, expr.CtKeyDSTIP6:
		return oldconfig.OriginalDestination
	case expr.CtKeyPROTODST:
		return oldconfig.OriginalDestinationPort
	}
	return oldconfig.NotUnderstood
}

func fibOrigin(e *expr.Fib) *origin {
	switch {
	case !e.ResultADDRTYPE || e.FlagMARK || e.FlagIIF || e.FlagOIF || e.FlagPRESENT:
		return nil
	case e.FlagDADDR && !e.FlagSADDR:
		return &origin{part: ofFib}
	case e.FlagSADDR && !e.FlagDADDR:
		return &origin{part: ofSourceFib}
	}
	return nil
}

// masked returns the origin after a mask and a flip of bits.
func (o *origin) masked(mask, xor []byte) *origin {
	switch {
	case o == nil:
		return nil
	case o.mask != nil || !isFilled(xor, 0) && o.part != ofMeta && o.part != ofConntrack:
		return &origin{part: o.part, changed: true}
	}
	changed := *o
	changed.mask, changed.xor = slices.Clone(mask), slices.Clone(xor)
	return &changed
}

func (o *origin) reordered() *origin {
	if o == nil {
		return nil
	}
	changed := *o
	changed.reversed = !o.reversed
	return &changed
}

// A connMark is struct xt_connmark_tginfo1.
type connMark struct {
	mode                    byte
	value, ctMask, markMask uint32
}

// setUpdate is the condition that a statement could add an element to a set, or change one.
const setUpdate = "an update of a set"

// unknownPrefix begins the conditions of expressions of which only the name is known.
const unknownPrefix = "the unknown expression ["

// Types of packets (linux/if_packet.h).
const (
	packetHost  = 0 // PACKET_HOST
	packetOther = 3 // PACKET_OTHERHOST, the last one that a rule can set
)

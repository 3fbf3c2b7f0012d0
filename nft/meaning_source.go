package nft

import (
	"fmt"

	"github.com/google/nftables/expr"
)

// A source is where a byte in a register comes from: that byte of a packet, of
// what the kernel knows about the packet, of a map's answer, or a constant. The
// byte was masked, then flipped.
type source struct {
	kind       sourceKind
	base       uint32 // NFT_PAYLOAD_*; NFT_META_*
	offset     uint32 // bytes
	statements int    // of the mark: how many came ahead; they may have changed it
	lookup     string // of an answer
	mask, flip byte
}

type sourceKind byte

const (
	unknownSource sourceKind = iota
	constantSource
	packetSource
	metaSource
	answerSource
)

// An operand is a row of sources, as text that tells it from others.
type operand string

func operandOf(sources []source) operand {
	var text []byte
	for _, s := range sources {
		text = fmt.Appendf(text, "%d.%d.%d.%d.%s&%x^%x ", s.kind, s.base, s.offset, s.statements, s.lookup, s.mask, s.flip)
	}
	return operand(text)
}

// packetBytes are bytes of a header of the packet.
func packetBytes(base expr.PayloadBase, offset, length uint32) []source {
	sources := make([]source, length)
	for i := range sources {
		sources[i] = source{kind: packetSource, base: uint32(base), offset: offset + uint32(i), mask: 0xff}
	}
	return sources
}

// metaBytes are the bytes of a value that the kernel has for a packet.
func metaBytes(key expr.MetaKey, statements int, length uint32) []source {
	sources := make([]source, length)
	for i := range sources {
		sources[i] = source{kind: metaSource, base: uint32(key), offset: uint32(i), statements: statements, mask: 0xff}
	}
	return sources
}

// metaLengths are the bytes of values of enum nft_meta_keys; of others the
// package knows no meaning.
var metaLengths = map[expr.MetaKey]uint32{
	expr.MetaKeyMARK: 4, expr.MetaKeyIIF: 4, expr.MetaKeyOIF: 4,
	expr.MetaKeyNFPROTO: 1, expr.MetaKeyL4PROTO: 1,
}

// answerBytes are what a map has for a key.
func answerBytes(set string, key operand, length uint32) []source {
	sources := make([]source, length)
	for i := range sources {
		sources[i] = source{kind: answerSource, offset: uint32(i), lookup: "@" + set + "(" + string(key) + ")", mask: 0xff}
	}
	return sources
}

func constantBytes(value []byte) []source {
	sources := make([]source, len(value))
	for i, b := range value {
		sources[i] = source{kind: constantSource, flip: b}
	}
	return sources
}

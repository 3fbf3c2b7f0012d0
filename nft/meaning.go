package nft

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/nftables/expr"
)

// A meaning is what a rule tests and does, independent of the form in which nft wrote it.
// nft before 1.1 writes a port range as two comparisons, nft 1.1 and later as one range
// expression; nft may load adjacent fields together; matches may have another order. Rules
// with equal meanings have the same effect on every packet.
type meaning struct {
	steps []step
}

// A step is a statement and the conditions before it.
type step struct {
	conditions conditions
	statement  statement
}

// All conditions must be true. Their order does not matter, as tests have no side effects.
type conditions map[condition]bool

// A condition tests bytes against a range or a set, or tests that the packet has them.
type condition struct {
	of        operand
	low, high string // inclusive; as many bytes as the operand
	set       string // set name, instead of a range
	not       bool
}

// A statement changes a packet or has a verdict.
type statement struct {
	name string // "accept", "meta set 3", "vmap @vips", …
	of   operand
}

// String returns a text that identifies the meaning. It is not for users.
func (m meaning) String() string {
	var b strings.Builder
	for _, s := range m.steps {
		for _, c := range slices.SortedFunc(maps.Keys(s.conditions), condition.compare) {
			b.WriteString(c.String())
		}
		b.WriteString(s.statement.String())
	}
	return b.String()
}

func (c condition) compare(other condition) int { return strings.Compare(c.String(), other.String()) }

func (c condition) String() string {
	sign := "="
	if c.not {
		sign = "!"
	}
	return string(c.of) + sign + c.low + "-" + c.high + "@" + c.set + "\n"
}

func (s statement) String() string { return s.name + " " + string(s.of) + "\n" }

// require adds the condition that the bytes are in the range from low to high. It reports
// false if no packet can match; lvsmark has no such rule.
func (c conditions) require(of []source, low, high string) bool {
	if low == high {
		return c.requireEach(of, low)
	}
	all := operandOf(of)
	for other := range c {
		if other.of == all && other.isRange() && !other.not {
			delete(c, other)
			low, high = max(low, other.low), min(high, other.high)
		}
	}
	switch {
	case low > high:
		return false
	case low == high:
		return c.requireEach(of, low)
	case isFilled(low, 0) && isFilled(high, 0xff):
		return true
	}
	c[condition{of: all, low: low, high: high}] = true
	return true
}

// requireEach adds one condition for each byte, so that the meaning does not depend on how
// many bytes the rule loads together.
func (c conditions) requireEach(of []source, value string) bool {
	for i, s := range of {
		want := value[i] ^ s.flip
		if want&^s.mask != 0 {
			return false
		}
		if s.mask == 0 {
			continue
		}
		s.flip = 0
		text := string([]byte{want})
		c[condition{of: operandOf([]source{s}), low: text, high: text}] = true
	}
	return true
}

// exclude adds the condition that the bytes are outside the range from low to high.
func (c conditions) exclude(of []source, low, high string) {
	c[condition{of: operandOf(of), low: low, high: high, not: true}] = true
}

// isRange reports whether the condition is a range, not a set or the presence of bytes.
func (c condition) isRange() bool { return c.set == "" && c.low != "" }

func isFilled(text string, with byte) bool {
	return strings.Count(text, string([]byte{with})) == len(text)
}

// hasTransportHeader is the condition that ports can be loaded: fragments after the first
// have no ports.
var hasTransportHeader = condition{of: "transport header"}

// hasSocket is the condition that the director has a socket for the packet.
var hasSocket = condition{of: "socket"}

// hasConnection is the condition that connection tracking knows the packet's connection.
var hasConnection = condition{of: "connection"}

// natStatement returns the statement name of an NFT_NAT_* type.
func natStatement(typ expr.NATType) string { return fmt.Sprintf("nat %d", typ) }

// A source is the origin of a byte in a register: a packet header, metadata of the packet,
// its socket, a lookup or a constant. mask and flip are applied to the byte in this order.
type source struct {
	kind       sourceKind
	base       uint32 // NFT_PAYLOAD_*; NFT_META_*; NFT_SOCKET_*
	offset     uint32 // bytes
	statements int    // for the mark: number of previous statements, which may have changed it
	lookup     string // for a lookup: set and key
	mask, flip byte
}

type sourceKind byte

const (
	unknownSource sourceKind = iota
	constantSource
	packetSource
	metaSource
	lookupSource
	socketSource
	ctSource // of the connection's first packet
)

// An operand is a list of sources, encoded as text.
type operand string

func operandOf(sources []source) operand {
	var text []byte
	for _, s := range sources {
		text = fmt.Appendf(text, "%d.%d.%d.%d.%s&%x^%x ", s.kind, s.base, s.offset, s.statements, s.lookup, s.mask, s.flip)
	}
	return operand(text)
}

// packetBytes returns the sources of bytes in a packet header.
func packetBytes(base expr.PayloadBase, offset, length uint32) []source {
	sources := make([]source, length)
	for i := range sources {
		sources[i] = source{kind: packetSource, base: uint32(base), offset: offset + uint32(i), mask: 0xff}
	}
	return sources
}

// metaBytes returns the sources of a metadata value of the packet.
func metaBytes(key expr.MetaKey, statements int, length uint32) []source {
	sources := make([]source, length)
	for i := range sources {
		sources[i] = source{kind: metaSource, base: uint32(key), offset: uint32(i), statements: statements, mask: 0xff}
	}
	return sources
}

// metaLengths are the lengths in bytes of values of enum nft_meta_keys. A rule that loads
// other values has no known meaning.
var metaLengths = map[expr.MetaKey]uint32{
	expr.MetaKeyMARK: 4, expr.MetaKeyIIF: 4, expr.MetaKeyOIF: 4, expr.MetaKeyIIFNAME: 16, expr.MetaKeyIIFTYPE: 2,
	expr.MetaKeyNFPROTO: 1, expr.MetaKeyL4PROTO: 1,
}

// lookupBytes returns the sources of a map's value for a key.
func lookupBytes(set string, key operand, length uint32) []source {
	sources := make([]source, length)
	for i := range sources {
		sources[i] = source{kind: lookupSource, offset: uint32(i), lookup: "@" + set + "(" + string(key) + ")", mask: 0xff}
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

package nft

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/nftables/expr"
)

// A meaning is what a rule tests in a packet and does to it, in one form for all the
// ways in which nft can write the rule. nft before 1.1 writes a range of ports as
// two comparisons, nft 1.1 and later as one range expression; matches of fields
// that lie side by side may be loaded together; matches may come in another order.
// Two rules with the same meaning do the same.
type meaning struct {
	steps []step
}

// A step is a statement, and the conditions before it.
type step struct {
	conditions conditions
	statement  statement
}

// conditions must all be true. Their order does not matter: a test changes nothing.
type conditions map[condition]bool

// A condition is that bytes are in a range or in a set, or that the packet has them.
type condition struct {
	of        operand
	low, high string // both included; as many bytes as the operand
	set       string // the name of the set, in place of a range
	not       bool
}

// A statement changes a packet or decides about it.
type statement struct {
	name string // "accept", "meta set 3", "vmap @vips", …
	of   operand
}

// String identifies the meaning. It is not for reading.
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

// require adds the condition that the bytes are from low to high. It reports false
// where no packet can meet it: lvsmark makes no such rule.
func (c conditions) require(of []source, low, high string) bool {
	if low == high {
		return c.requireEach(of, low)
	}
	whole := operandOf(of)
	for other := range c {
		if other.of == whole && other.isRange() && !other.not {
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
	c[condition{of: whole, low: low, high: high}] = true
	return true
}

// requireEach adds one condition for each byte, so that it does not matter how many
// bytes the rule loads together.
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

// exclude adds the condition that the bytes are not from low to high.
func (c conditions) exclude(of []source, low, high string) {
	c[condition{of: operandOf(of), low: low, high: high, not: true}] = true
}

// isRange reports whether the condition is neither about a set, nor only that the
// packet has the bytes.
func (c condition) isRange() bool { return c.set == "" && c.low != "" }

func isFilled(text string, with byte) bool {
	return strings.Trim(text, string([]byte{with})) == ""
}

// hasTransportHeader is true of packets whose ports can be loaded. Fragments after
// the first have no ports.
var hasTransportHeader = condition{of: "transport header"}

// natStatement is the name of a translation of this type, NFT_NAT_*.
func natStatement(typ expr.NATType) string { return fmt.Sprintf("nat %d", typ) }

// A source is where a byte in a register comes from: a header of the packet, the
// kernel's data about the packet, the result of a lookup, or a constant. The byte was
// masked, then flipped.
type source struct {
	kind       sourceKind
	base       uint32 // NFT_PAYLOAD_*; NFT_META_*
	offset     uint32 // bytes
	statements int    // of the mark: the number of statements before, which may have changed it
	lookup     string // of a lookup: the set and the key
	mask, flip byte
}

type sourceKind byte

const (
	unknownSource sourceKind = iota
	constantSource
	packetSource
	metaSource
	lookupSource
)

// An operand is a list of sources, as text that identifies it.
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

// metaLengths are the bytes of values of enum nft_meta_keys. A rule that loads other
// values has no known meaning.
var metaLengths = map[expr.MetaKey]uint32{
	expr.MetaKeyMARK: 4, expr.MetaKeyIIF: 4, expr.MetaKeyOIF: 4,
	expr.MetaKeyNFPROTO: 1, expr.MetaKeyL4PROTO: 1,
}

// lookupBytes are the value that a map has for a key.
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

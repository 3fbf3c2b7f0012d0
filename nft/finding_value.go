package nft

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// A value is what a register holds while a rule is followed.
type value struct {
	kind   valueKind
	name   string // as it is told among the conditions: "ip daddr", "iifname"
	size   int    // bytes
	bytes  []byte // of constants
	fickle bool   // a constant for the first packet of a connection, and later another
	change func([]byte) []byte
}

type valueKind byte

const (
	opaque      valueKind = iota // nothing is known
	constant                     // the same for all packets of the part
	destination                  // the VIP
	port                         // the destination port
	mark                         // the cluster's mark
	protocol                     // of the transport
)

func opaqueValue(name string, size int) value { return value{name: name, size: size} }

func constantValue(name string, b []byte) value {
	return value{kind: constant, name: name, size: len(b), bytes: b}
}

// changed is the value behind a bitwise or byteorder expression.
func (v value) changed(change func([]byte) []byte) value {
	switch v.kind {
	case constant:
		v.bytes = change(v.bytes)
	case destination, mark, protocol:
		previous := v.change
		v.change = func(b []byte) []byte {
			if previous != nil {
				b = previous(b)
			}
			return change(b)
		}
	case port:
		v.kind = opaque
	}
	return v
}

// masked is the value behind a bitwise expression. Where the mask leaves nothing
// of it, it does not matter what it was.
func (v value) masked(mask, xor []byte) value {
	if len(mask) > 0 && len(mask) == len(xor) && !slices.ContainsFunc(mask, func(b byte) bool { return b != 0 }) {
		return constantValue(v.name, xor)
	}
	return v.changed(bitwise(mask, xor))
}

func (v value) of(b []byte) []byte {
	if v.change != nil {
		return v.change(b)
	}
	return b
}

// A test asks whether a value is in one of some intervals, or in none.
type test struct {
	within  []interval
	inverse bool
}

// A split is what a test makes of a part.
type split struct {
	hits   []part
	unsure bool // nobody knows which packets hit: all may
}

// try tests the value for the packets of a part.
func (p *packets) try(v value, t test, of part) split {
	for _, i := range t.within {
		if len(i.low) > v.size {
			return split{hits: []part{of}, unsure: true}
		}
	}
	var hits []part
	switch v.kind {
	case opaque:
		return split{hits: []part{of}, unsure: true}
	case constant:
		return tryConstant(v, t, of)
	case protocol:
		return tryConstant(constantValue(v.name, v.of([]byte{byte(of.protocol)})), t, of)
	case destination:
		hits = p.tryVIPs(v, t, of)
	case port:
		hits = tryPorts(t, of)
	case mark:
		if of.markLost {
			return split{hits: []part{of}, unsure: true}
		}
		hits = tryMarks(v, t, of)
	}
	if t.inverse {
		hits = withoutParts([]part{of}, hits)
	}
	return split{hits: hits}
}

func tryConstant(v value, t test, of part) split {
	hit := t.holds(v.bytes)
	switch {
	case hit:
		return split{hits: []part{of}}
	case v.fickle:
		return split{hits: []part{of}, unsure: true}
	}
	return split{}
}

// holds reports whether the test holds for a value, inversion included.
func (t test) holds(b []byte) bool { return t.contains(b) != t.inverse }

func (t test) contains(b []byte) bool {
	return slices.ContainsFunc(t.within, func(i interval) bool { return i.contains(b) })
}

func (p *packets) tryVIPs(v value, t test, of part) []part {
	var within bitset // made for the first that hits: most sets have none of ours
	hit := func(vip int) {
		if within == nil {
			within = newBitset(len(p.vips))
		}
		within.set(vip)
	}
	if v.change == nil {
		for _, i := range t.within {
			for first, end := p.span(i); first < end; first++ {
				hit(first)
			}
		}
	} else {
		for i := range of.vips.each {
			if t.contains(v.of(p.vips[i])) {
				hit(i)
			}
		}
	}
	if within == nil {
		return nil
	}
	return nonEmpty(of.withVIPs(of.vips.and(within)))
}

func tryPorts(t test, of part) []part {
	var hits []part
	for _, i := range t.within {
		if len(i.low) != 2 {
			continue
		}
		low, high := max(of.low, binary.BigEndian.Uint16(i.low)), min(of.high, binary.BigEndian.Uint16(i.high))
		if low <= high {
			hits = append(hits, of.withPorts(low, high))
		}
	}
	return hits
}

func tryMarks(v value, t test, of part) []part {
	within := newBitset(len(of.vips) * 64)
	holds := map[uint32]bool{}
	for i := range of.vips.each {
		m := of.marks[i]
		if _, known := holds[m]; !known {
			holds[m] = t.contains(v.of(markBytes(m)))
		}
		if holds[m] {
			within.set(i)
		}
	}
	return nonEmpty(of.withVIPs(within))
}

func nonEmpty(p part) []part {
	if p.vips.empty() {
		return nil
	}
	return []part{p}
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

// byteorder is the change that a byteorder expression makes to units of that
// size.
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

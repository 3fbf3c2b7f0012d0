package firewall

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// A test matches values in any of the intervals, or in none of them if inverse.
type test struct {
	within  []interval
	inverse bool
}

// ofTCP is the test of the protocol for TCP.
var ofTCP = test{within: []interval{{[]byte{byte(config.TCP)}, []byte{byte(config.TCP)}}}}

// holds reports whether the test holds for a value, inversion included.
func (t test) holds(b []byte) bool { return t.contains(b) != t.inverse }

func (t test) contains(b []byte) bool {
	return slices.ContainsFunc(t.within, func(i interval) bool { return i.contains(b) })
}

// A split is the packets of a part for which a test may hold.
type split struct {
	hits      []part
	uncertain bool // each of them may match or not
}

// split applies a test of a value to a part.
func (s *space) split(v value, t test, p part) split {
	for _, i := range t.within {
		if len(i.low) > v.size {
			return split{hits: []part{p}, uncertain: true}
		}
	}
	var hits []part
	exact := true
	switch v.kind {
	case constant:
		return splitConstant(v, t, p)
	case protocol:
		return splitConstant(constantValue(v.name, v.apply([]byte{byte(p.protocol)})), t, p)
	case address:
		hits, exact = s.splitAddress(v, t, p)
	case port:
		hits = splitPorts(t, p)
	case perClass:
		hits = splitClasses(v, t, p)
	default:
		return splitOpaque(v, t, p)
	}
	if !exact {
		return split{hits: []part{p}, uncertain: true}
	}
	if t.inverse {
		hits = withoutParts([]part{p}, hits)
	}
	return split{hits: hits}
}

func splitOpaque(v value, t test, p part) split {
	isExcluded := func(i interval) bool {
		return v.excluded != nil && bytes.HasPrefix(i.low, v.excluded) && bytes.Equal(i.low, i.high)
	}
	switch {
	case len(t.within) == 0 || slices.ContainsFunc(t.within, func(i interval) bool { return !isExcluded(i) }):
		return split{hits: []part{p}, uncertain: true}
	case t.inverse:
		return split{hits: []part{p}}
	}
	return split{}
}

func splitConstant(v value, t test, p part) split {
	hit := t.holds(v.bytes)
	switch {
	case v.alternative != nil && t.holds(v.alternative) != hit:
		return split{hits: []part{p}, uncertain: true}
	case hit:
		return split{hits: []part{p}}
	case v.firstPacketOnly:
		return split{hits: []part{p}, uncertain: true}
	}
	return split{}
}

// splitAddress is not exact if an interval begins or ends within a class.
func (s *space) splitAddress(v value, t test, p part) (hits []part, exact bool) {
	v, t = v.unmasked(t)
	if v.change != nil {
		return s.splitChanged(v, t, p)
	}
	var within bitset // nil until a class matches: most tests match none
	exact = true
	for _, i := range t.within {
		first, end, wholly := s.span(i)
		exact = exact && wholly
		for ; first < end; first++ {
			if within == nil {
				within = newBitset(s.count)
			}
			within.set(first)
		}
	}
	if within == nil {
		return nil, exact
	}
	return p.within(within), exact
}

// splitChanged tests each class. It is not exact for a class of several addresses.
func (s *space) splitChanged(v value, t test, p part) (hits []part, exact bool) {
	within := newBitset(s.count)
	for class := range p.classes.each {
		if !slices.Equal(s.lowOf(class), s.highOf(class)) {
			return nil, false
		}
		if t.contains(v.apply(s.lowOf(class))) {
			within.set(class)
		}
	}
	return p.within(within), true
}

func splitPorts(t test, p part) []part {
	var hits []part
	for _, i := range t.within {
		if len(i.low) != 2 {
			continue
		}
		low, high := i.ports()
		if low, high = max(p.low, low), min(p.high, high); low <= high {
			hits = append(hits, p.withPorts(low, high))
		}
	}
	return hits
}

func splitClasses(v value, t test, p part) []part {
	within := make(bitset, len(p.classes))
	holds := map[string]bool{}
	for class := range p.classes.each {
		b := v.byClass(class)
		hit, known := holds[string(b)]
		if !known {
			hit = t.contains(b)
			holds[string(b)] = hit
		}
		if hit {
			within.set(class)
		}
	}
	return p.within(within)
}

// mayHold reports whether a test can hold for any packet of the space. If not, the
// rule need not be loaded.
func (s *space) mayHold(v value, t test) bool {
	if slices.ContainsFunc(t.within, func(i interval) bool { return len(i.low) > v.size }) {
		return true
	}
	switch v.kind {
	case constant:
		return v.firstPacketOnly || t.holds(v.bytes)
	case protocol:
		return s.hasProtocol(func(p config.Protocol) bool { return t.holds(v.apply([]byte{byte(p)})) })
	case address:
		v, t = v.unmasked(t)
		return v.change != nil || t.inverse || slices.ContainsFunc(t.within, func(i interval) bool {
			first, end, _ := s.span(i)
			return first < end
		})
	case port:
		return t.inverse || slices.ContainsFunc(t.within, s.hasPorts)
	}
	return true
}

// unmasked returns the equivalent test of the unmasked address, if the mask of the value
// is a prefix.
func (v value) unmasked(t test) (value, test) {
	if v.prefix == nil {
		return v, t
	}
	unmasked := test{inverse: t.inverse}
	for _, i := range t.within {
		mask := v.prefix[:len(i.low)]
		low, ok := roundedUp(i.low, mask)
		if high := bitwise(nil, nil)(i.high); ok {
			for n := range high {
				high[n] |= ^mask[n]
			}
			if i = (interval{low, high}); !i.empty() {
				unmasked.within = append(unmasked.within, i)
			}
		}
	}
	v.change, v.prefix = nil, nil
	return v, unmasked
}

// roundedUp returns the lowest value ≥ low that the mask does not change; false: there is
// none.
func roundedUp(low, mask []byte) ([]byte, bool) {
	if bytes.Equal(bitwise(mask, nil)(low), low) {
		return low, true
	}
	high := bytes.Clone(low)
	for i := range high {
		high[i] |= ^mask[i]
	}
	return nft.Successor(high)
}

// An interval is a range of values of the same length, including both ends, in the
// order of memcmp, as the kernel compares.
type interval struct{ low, high []byte }

// contains reports whether the first bytes of the value are in the interval.
func (i interval) contains(value []byte) bool {
	return len(value) >= len(i.low) && bytes.Compare(i.low, value[:len(i.low)]) <= 0 && bytes.Compare(value[:len(i.high)], i.high) <= 0
}

func (i interval) empty() bool { return bytes.Compare(i.low, i.high) > 0 }

// portInterval returns the interval of ports in network byte order.
func portInterval(low, high uint16) interval {
	return interval{binary.BigEndian.AppendUint16(nil, low), binary.BigEndian.AppendUint16(nil, high)}
}

// ports returns the ports of an interval of two-byte values.
func (i interval) ports() (low, high uint16) {
	return binary.BigEndian.Uint16(i.low), binary.BigEndian.Uint16(i.high)
}

// filled returns n bytes of the same value.
func filled(n int, with byte) []byte { return bytes.Repeat([]byte{with}, n) }

// tested returns the value with the name that a condition on it has.
func (v value) tested(t test) value {
	if v.ofClient {
		v.name = v.clientCondition(t)
	}
	return v
}

// Parts of conditions on the client.
const (
	unprivileged = "unprivileged "
	allBut       = " !="
)

// clientCondition returns the condition of a test of the client's address or port.
func (v value) clientCondition(t test) string {
	switch {
	case t.inverse:
		return v.name + allBut
	case v.size == 2 && slices.ContainsFunc(t.within, isUnprivileged):
		return unprivileged + v.name
	}
	return v.name
}

// isUnprivileged reports whether an interval has all ports that programs of users get.
func isUnprivileged(i interval) bool {
	if len(i.low) != 2 || len(i.high) != 2 {
		return false
	}
	low, high := i.ports()
	return low <= 1024 && high == 65535
}

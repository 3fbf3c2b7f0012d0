package firewall

import (
	"bytes"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// A test asks whether a value is in one of some intervals, or in none.
type test struct {
	within  []interval
	inverse bool
}

// holds reports whether the test holds for a value, inversion included.
func (t test) holds(b []byte) bool { return t.contains(b) != t.inverse }

func (t test) contains(b []byte) bool {
	return slices.ContainsFunc(t.within, func(i interval) bool { return i.contains(b) })
}

// A split is what a test makes of a part.
type split struct {
	hits   []part
	unsure bool // nobody knows which packets hit: all may
}

// try tests the value for the packets of a part.
func (s *space) try(v value, t test, of part) split {
	for _, i := range t.within {
		if len(i.low) > v.size {
			return split{hits: []part{of}, unsure: true}
		}
	}
	var hits []part
	exact := true
	switch v.kind {
	case constant:
		return tryConstant(v, t, of)
	case protocol:
		return tryConstant(constantValue(v.name, v.of([]byte{byte(of.protocol)})), t, of)
	case destination:
		hits, exact = s.tryDestination(v, t, of)
	case port:
		hits = tryPorts(t, of)
	case perClass:
		hits = tryClasses(v, t, of)
	default:
		return split{hits: []part{of}, unsure: true}
	}
	if !exact {
		return split{hits: []part{of}, unsure: true}
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

// tryDestination is not exact where an interval begins or ends within a class.
func (s *space) tryDestination(v value, t test, of part) (hits []part, exact bool) {
	v, t = v.unmasked(t)
	if v.change != nil {
		return s.tryChanged(v, t, of)
	}
	var within bitset // made for the first that hits: most sets have none of ours
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
	return of.within(within), exact
}

// tryChanged looks at each class. Of a range of addresses it is not exact.
func (s *space) tryChanged(v value, t test, of part) (hits []part, exact bool) {
	within := newBitset(s.count)
	for class := range of.classes.each {
		if !slices.Equal(s.lowOf(class), s.highOf(class)) {
			return nil, false
		}
		if t.contains(v.of(s.lowOf(class))) {
			within.set(class)
		}
	}
	return of.within(within), true
}

func tryPorts(t test, of part) []part {
	var hits []part
	for _, i := range t.within {
		if len(i.low) != 2 {
			continue
		}
		low, high := i.ports()
		if low, high = max(of.low, low), min(of.high, high); low <= high {
			hits = append(hits, of.withPorts(low, high))
		}
	}
	return hits
}

func tryClasses(v value, t test, of part) []part {
	within := make(bitset, len(of.classes))
	holds := map[string]bool{}
	for class := range of.classes.each {
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
	return of.within(within)
}

// mayHold reports whether a test may hold for any packet of the space. What it leaves
// out needs no look at the packets of a part.
func (s *space) mayHold(v value, t test) bool {
	if slices.ContainsFunc(t.within, func(i interval) bool { return len(i.low) > v.size }) {
		return true
	}
	switch v.kind {
	case constant:
		return v.fickle || t.holds(v.bytes)
	case protocol:
		return s.hasProtocol(func(p config.Protocol) bool { return t.holds(v.of([]byte{byte(p)})) })
	case destination:
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
	return nft.Successor(high)
}

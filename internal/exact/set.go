package exact

import (
	"math"
	"math/bits"
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A set is numbers, as sorted ranges with a gap between them.
type set []oldconfig.Range

func number(n uint64) oldconfig.Number { return oldconfig.Number{Low: n} }

func single(n uint64) set { return set{{Low: number(n), High: number(n)}} }

// next returns n+1; false: there is none.
func next(n oldconfig.Number) (oldconfig.Number, bool) {
	low, carry := bits.Add64(n.Low, 1, 0)
	high, over := bits.Add64(n.High, 0, carry)
	return oldconfig.Number{High: high, Low: low}, over == 0
}

// previous returns n-1; n must not be 0.
func previous(n oldconfig.Number) oldconfig.Number {
	low, borrow := bits.Sub64(n.Low, 1, 0)
	return oldconfig.Number{High: n.High - borrow, Low: low}
}

// newSet returns the union of ranges.
func newSet(ranges []oldconfig.Range) set {
	sorted := slices.DeleteFunc(slices.Clone(ranges), func(r oldconfig.Range) bool { return r.High.Compare(r.Low) < 0 })
	slices.SortFunc(sorted, func(a, b oldconfig.Range) int { return a.Low.Compare(b.Low) })
	var joined set
	for _, r := range sorted {
		if n := len(joined); n > 0 {
			if after, ok := next(joined[n-1].High); !ok || r.Low.Compare(after) <= 0 {
				if r.High.Compare(joined[n-1].High) > 0 {
					joined[n-1].High = r.High
				}
				continue
			}
		}
		joined = append(joined, r)
	}
	return joined
}

// without returns the numbers of the domain that are not in the set.
func (s set) complement(domain oldconfig.Range) set {
	var rest set
	low := domain.Low
	for _, r := range s {
		if r.Low.Compare(low) > 0 {
			rest = append(rest, oldconfig.Range{Low: low, High: previous(r.Low)})
		}
		after, ok := next(r.High)
		if !ok || after.Compare(domain.High) > 0 {
			return rest
		}
		if after.Compare(low) > 0 {
			low = after
		}
	}
	return append(rest, oldconfig.Range{Low: low, High: domain.High})
}

// intersect returns the numbers that are in both sets.
func (s set) intersect(other set) set {
	var both set
	for i, j := 0, 0; i < len(s) && j < len(other); {
		low, high := s[i].Low, s[i].High
		if other[j].Low.Compare(low) > 0 {
			low = other[j].Low
		}
		if other[j].High.Compare(high) < 0 {
			high = other[j].High
		}
		if low.Compare(high) <= 0 {
			both = append(both, oldconfig.Range{Low: low, High: high})
		}
		if s[i].High.Compare(other[j].High) < 0 {
			i++
		} else {
			j++
		}
	}
	return both
}

// find returns the range that contains a number; false: none.
func (s set) find(n oldconfig.Number) (int, bool) {
	return slices.BinarySearchFunc(s, n, func(r oldconfig.Range, n oldconfig.Number) int {
		switch {
		case r.High.Compare(n) < 0:
			return -1
		case r.Low.Compare(n) > 0:
			return 1
		}
		return 0
	})
}

func (s set) contains(n oldconfig.Number) bool {
	_, ok := s.find(n)
	return ok
}

// maximum is the range of all numbers of that many bits.
func maximum(width int) oldconfig.Range {
	switch {
	case width >= 128:
		return oldconfig.Range{High: oldconfig.Number{High: math.MaxUint64, Low: math.MaxUint64}}
	case width > 64:
		return oldconfig.Range{High: oldconfig.Number{High: 1<<(width-64) - 1, Low: math.MaxUint64}}
	}
	return oldconfig.Range{High: number(1<<width - 1)}
}

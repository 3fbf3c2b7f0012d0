package config

import (
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"math/bits"
	"net/netip"
	"slices"
)

// An AddressRange is the addresses from First to Last, both included and of one family. A
// single address is a range of one. The zero value is invalid.
type AddressRange struct{ First, Last netip.Addr }

// SingleAddress returns the range of one address.
func SingleAddress(a netip.Addr) AddressRange { return AddressRange{a, a} }

// SingleAddresses returns a range for each address.
func SingleAddresses(list ...netip.Addr) []AddressRange {
	ranges := make([]AddressRange, len(list))
	for i, a := range list {
		ranges[i] = SingleAddress(a)
	}
	return ranges
}

// RangeOfPrefix returns the addresses of a network.
func RangeOfPrefix(p netip.Prefix) AddressRange {
	last := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(last)*8; i++ {
		last[i/8] |= 1 << (7 - i%8)
	}
	end, _ := netip.AddrFromSlice(last)
	return AddressRange{p.Masked().Addr(), end}
}

// IsSingle reports whether the range is one address.
func (r AddressRange) IsSingle() bool { return r.First == r.Last }

// Family returns the family of the addresses.
func (r AddressRange) Family() Family { return FamilyOf(r.First) }

// Contains reports whether the address is in the range.
func (r AddressRange) Contains(a netip.Addr) bool {
	return r.First.BitLen() == a.BitLen() && r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
}

// Encloses reports whether all addresses of the other range are in this one.
func (r AddressRange) Encloses(other AddressRange) bool {
	return r.Contains(other.First) && r.Contains(other.Last)
}

// Overlaps reports whether the ranges have a common address.
func (r AddressRange) Overlaps(other AddressRange) bool {
	return r.Contains(other.First) || other.Contains(r.First)
}

// Compare orders ranges by their first address. Of ranges that begin at the same address,
// the larger one comes first.
func (r AddressRange) Compare(other AddressRange) int {
	return cmp.Or(r.First.Compare(other.First), other.Last.Compare(r.Last))
}

// Count returns the number of addresses, at most math.MaxUint64.
func (r AddressRange) Count() uint64 {
	firstHigh, firstLow := halves(r.First)
	lastHigh, lastLow := halves(r.Last)
	low, borrow := bits.Sub64(lastLow, firstLow, 0)
	if high, _ := bits.Sub64(lastHigh, firstHigh, borrow); high > 0 || low == math.MaxUint64 {
		return math.MaxUint64
	}
	return low + 1
}

// halves returns the upper and the lower 64 bits of an address.
func halves(a netip.Addr) (high, low uint64) {
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

// All yields the addresses in order.
func (r AddressRange) All() iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for a := r.First; yield(a) && a != r.Last; {
			a = a.Next()
		}
	}
}

// Prefixes returns the smallest list of networks with exactly these addresses, in order; nil
// if the range is reversed.
func (r AddressRange) Prefixes() []netip.Prefix {
	var list []netip.Prefix
	if r.Last.Less(r.First) {
		return nil
	}
	for first := r.First; ; {
		length := first.BitLen()
		for length > 0 {
			wider := netip.PrefixFrom(first, length-1)
			if wider.Masked().Addr() != first || !r.Encloses(RangeOfPrefix(wider)) {
				break
			}
			length--
		}
		p := netip.PrefixFrom(first, length)
		list = append(list, p)
		last := RangeOfPrefix(p).Last
		if last == r.Last {
			return list
		}
		first = last.Next()
	}
}

// String returns an address ("198.51.100.21"), a network ("198.51.100.32/28") or a range
// ("198.51.100.64-198.51.100.80"), as in a spec.
func (r AddressRange) String() string {
	if r.IsSingle() {
		return r.First.String()
	}
	if list := r.Prefixes(); len(list) == 1 {
		return list[0].String()
	}
	return r.First.String() + "-" + r.Last.String()
}

// Disjoint returns ranges without overlaps, sorted, each with the value of the smallest
// range that contains it. Two ranges of the argument must be disjoint, or one must enclose
// the other. It sorts the argument.
func Disjoint[T any](list []T, rangeOf func(*T) *AddressRange) []T {
	slices.SortStableFunc(list, func(a, b T) int { return rangeOf(&a).Compare(*rangeOf(&b)) })
	var parts, open []T
	var next netip.Addr // the first address of the innermost open range that is in no part
	emit := func(last netip.Addr) {
		if !next.IsValid() || last.Less(next) {
			return
		}
		part := open[len(open)-1]
		*rangeOf(&part) = AddressRange{next, last}
		parts, next = append(parts, part), last.Next()
	}
	for i := range list {
		r := *rangeOf(&list[i])
		for len(open) > 0 && rangeOf(&open[len(open)-1]).Last.Less(r.First) {
			emit(rangeOf(&open[len(open)-1]).Last)
			open = open[:len(open)-1]
		}
		if len(open) > 0 && next.Less(r.First) {
			emit(r.First.Prev())
		}
		next, open = r.First, append(open, list[i])
	}
	for len(open) > 0 {
		emit(rangeOf(&open[len(open)-1]).Last)
		open = open[:len(open)-1]
	}
	return parts
}

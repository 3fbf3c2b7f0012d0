package firewall

import "math/bits"

// A bitset is a set of class numbers of a space. It is not modified after it is shared.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

// fullBitset has the numbers from 0 to n-1.
func fullBitset(n int) bitset {
	b := newBitset(n)
	for i := range b {
		b[i] = ^uint64(0)
	}
	if rest := n % 64; rest > 0 {
		b[len(b)-1] = 1<<rest - 1
	}
	return b
}

func (b bitset) set(i int) { b[i/64] |= 1 << (i % 64) }

func (b bitset) and(other bitset) bitset {
	common := make(bitset, len(b))
	for i := range b {
		common[i] = b[i] & other[i]
	}
	return common
}

func (b bitset) or(other bitset) bitset {
	either := make(bitset, len(b))
	for i := range b {
		either[i] = b[i] | other[i]
	}
	return either
}

func (b bitset) without(other bitset) bitset {
	left := make(bitset, len(b))
	for i := range b {
		left[i] = b[i] &^ other[i]
	}
	return left
}

func (b bitset) empty() bool {
	for _, word := range b {
		if word != 0 {
			return false
		}
	}
	return true
}

func (b bitset) count() int {
	n := 0
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// each yields the members in order.
func (b bitset) each(yield func(int) bool) {
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			if !yield(i*64 + bits.TrailingZeros64(word)) {
				return
			}
		}
	}
}

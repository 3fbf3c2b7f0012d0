package firewall

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestBitset compares bitsets with maps, also of sizes at the boundary of a word.
func TestBitset(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for _, n := range []int{0, 1, 63, 64, 65, 127, 128, 129, 200} {
		full := fullBitset(n)
		assert.Equal(t, n, full.count())
		assert.Equal(t, n == 0, full.empty())
		a, b := newBitset(n), newBitset(n)
		inA, inB := map[int]bool{}, map[int]bool{}
		for range n {
			i, j := r.IntN(n), r.IntN(n)
			a.set(i)
			b.set(j)
			inA[i], inB[j] = true, true
		}
		both, either, only := map[int]bool{}, maps.Clone(inB), map[int]bool{}
		for i := range inA {
			either[i] = true
			if inB[i] {
				both[i] = true
			} else {
				only[i] = true
			}
		}
		for _, c := range []struct {
			set  bitset
			want map[int]bool
		}{{a, inA}, {a.and(b), both}, {a.or(b), either}, {a.without(b), only}, {full.without(a).and(a), nil}, {full.and(a), inA}} {
			want := slices.Sorted(maps.Keys(c.want))
			assert.Equal(t, want, slices.Collect(c.set.each), n)
			assert.Equal(t, len(want), c.set.count())
			assert.Equal(t, len(want) == 0, c.set.empty())
			stopped := 0
			for range c.set.each {
				if stopped++; stopped == 2 {
					break
				}
			}
			assert.Equal(t, min(2, len(want)), stopped)
		}
	}
}

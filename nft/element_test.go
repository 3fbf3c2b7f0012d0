package nft

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestSortElements: the fast sort of keys of 4 bytes has the same order as compareKeys.
func TestSortElements(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, host := range []bool{false, true} {
		for range 50 {
			s := &Set{KeyHost: host}
			for range r.IntN(200) {
				s.Elements = append(s.Elements, Element{Key: elementKey(markBytes(r.Uint32() >> r.IntN(32)))})
			}
			want := slices.Clone(s.Elements)
			slices.SortStableFunc(want, s.compareKeys)
			sortElements(s)
			assert.Equal(t, want, s.Elements)
			assert.True(t, slices.IsSortedFunc(s.Elements, s.compareKeys))
		}
	}
	long := &Set{Elements: []Element{{Key: elementKey(make([]byte, 16))}, {Key: elementKey(make([]byte, 4))}}}
	sortElements(long)
	assert.True(t, slices.IsSortedFunc(long.Elements, long.compareKeys))
}

// TestWithElements: the copy has the elements, sorted; the set stays as it is.
func TestWithElements(t *testing.T) {
	s := hashSet("s", "", typeMark, 4, []uint32{1}, markBytes)
	other := s.WithElements([]Element{{Key: elementKey(markBytes(3))}, {Key: elementKey(markBytes(2))}})
	assert.Equal(t, []uint32{2, 3}, other.MarkKeys())
	assert.Equal(t, []uint32{1}, s.MarkKeys())
}

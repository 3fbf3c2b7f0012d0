package nft

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

// verdictMap returns a verdict map from numbers to chains.
func verdictMap(chains ...string) *Set {
	s := hashMap("vips", "", IPv4, typeVerdict, 0)
	for i, chain := range chains {
		s.Elements = append(s.Elements, Element{Key: elementKey(markBytes(uint32(i))), Rest: gotoRest(chain)})
	}
	sortElements(s)
	return s
}

// TestSampleOfVerdicts: the kernel checks each chain that a verdict leads to, also if the
// names have the same length.
func TestSampleOfVerdicts(t *testing.T) {
	for _, chains := range [][]string{{"tcp_21", "tcp_22"}, {"a", "b", "a", "b", "c"}, {"a", "a", "a"}, {"long", "a"}} {
		var sampled []string
		for _, e := range verdictMap(chains...).sample() {
			sampled = append(sampled, e.parts().chain)
		}
		slices.Sort(sampled)
		assert.Equal(t, slices.Compact(slices.Sorted(slices.Values(chains))), sampled)
	}
}

// TestSampleOfForms: the sample has one element for each combination of attributes and
// lengths.
func TestSampleOfForms(t *testing.T) {
	commented := func(mark uint32, comment string) Element {
		return Element{Key: elementKey(markBytes(mark)), Rest: userdataRest(appendComment(nil, 0, comment))}
	}
	plain := func(mark uint32) Element { return Element{Key: elementKey(markBytes(mark))} }
	flagged := func(mark uint32) Element { return Element{Key: intervalEndKey(markBytes(mark))} }
	for name, c := range map[string]struct {
		elements []Element
		want     int
	}{
		"no elements":      {nil, 0},
		"equal":            {[]Element{plain(1), plain(2), plain(3)}, 1},
		"with a comment":   {[]Element{plain(1), commented(2, "same"), plain(3), commented(4, "same")}, 2},
		"of other lengths": {[]Element{commented(1, "short"), commented(2, "longer"), commented(3, "short")}, 2},
		"with flags":       {[]Element{plain(1), flagged(2), plain(3)}, 2},
	} {
		s := &Set{KeyType: typeMark, KeyLen: 4, Elements: c.elements}
		assert.Len(t, s.sample(), c.want, name)
	}
}

// TestSampleOfFullSet: as many elements as the size allows are sampled, one more is left to
// the kernel's refusal.
func TestSampleOfFullSet(t *testing.T) {
	for size, want := range map[uint32]int{2: 3, 3: 1, 4: 1, 0: 1} {
		s := verdictMap("a", "a", "a")
		s.Size = size
		assert.Len(t, s.sample(), want, "size %d", size)
	}
}

// TestSampleOfDependents: equal keys and intervals are left to the kernel as a whole.
func TestSampleOfDependents(t *testing.T) {
	equal := verdictMap("a", "a", "a")
	equal.Elements[2].Key = equal.Elements[1].Key
	assert.Len(t, equal.sample(), 3)
	intervals := verdictMap("a", "a", "a")
	intervals.Flags |= unix.NFT_SET_INTERVAL
	assert.Len(t, intervals.sample(), 3)
}

// TestSizeFor: a map has room for as many elements again, and at least for 1024.
func TestSizeFor(t *testing.T) {
	for n, want := range map[int]uint32{0: 1024, 1: 1024, 512: 1024, 513: 2048, 1024: 2048, 1025: 4096, 10_000: 32768, 16384: 32768} {
		assert.Equal(t, want, sizeFor(n), n)
	}
	for n := range 5000 {
		assert.LessOrEqual(t, 2*n, int(sizeFor(n)))
	}
}

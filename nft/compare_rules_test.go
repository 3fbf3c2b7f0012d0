package nft

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestCommon compares the length of the subsequence with that of the textbook algorithm, for
// chains with duplicate rules.
func TestCommon(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	random := func() []identity {
		rules := make([]identity, r.IntN(12))
		for i := range rules {
			rules[i].meaning = string(rune('a' + r.IntN(8)))
		}
		return rules
	}
	for range 5000 {
		a, b := random(), random()
		inA, inB := common(a, b)
		keptA, keptB := kept(a, inA), kept(b, inB)
		assert.Equal(t, keptA, keptB, "in the same order")
		assert.Len(t, keptA, longestCommon(a, b), "%s and %s", kept(a, nil), kept(b, nil))
	}
}

// kept returns the marked rules as text; nil marks all.
func kept(rules []identity, marked []bool) (text string) {
	for i, r := range rules {
		if marked == nil || marked[i] {
			text += r.meaning
		}
	}
	return text
}

func longestCommon(a, b []identity) int {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	length := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := length[j+1]
			if x == y {
				length[j+1] = diagonal + 1
			} else {
				length[j+1] = max(above, length[j])
			}
			diagonal = above
		}
	}
	return length[len(b)]
}

// TestCommonOfMany: memory is not quadratic in the number of rules.
func TestCommonOfMany(t *testing.T) {
	rules := make([]identity, 50_000)
	for i := range rules {
		rules[i].meaning = strconv.Itoa(i)
	}
	inA, inB := common(rules, rules[1:])
	assert.False(t, inA[0])
	assert.NotContains(t, inA[1:], false)
	assert.NotContains(t, inB, false)
}

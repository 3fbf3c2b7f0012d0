package firewall

import (
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// A brokenSource fails to read the rules of one chain, and counts how often that is tried.
type brokenSource struct {
	inMemory
	chain string
	err   error
	tried *int
}

func (s brokenSource) Rules(t *nft.Table, c *nft.Chain) iter.Seq2[*nft.Rule, error] {
	if c.Name != s.chain {
		return s.inMemory.Rules(t, c)
	}
	*s.tried++
	return func(yield func(*nft.Rule, error) bool) { yield(nil, s.err) }
}

// TestFindingsErrors: an error of reading a chain, of any policy, is
// the error of Findings. Nothing is followed after it.
func TestFindingsErrors(t *testing.T) {
	chain := func(name string, priority int32, policy uint32) *nft.Chain {
		return &nft.Chain{Name: name, Type: "filter", Hook: nft.HookPrerouting, Priority: priority, Policy: policy}
	}
	table := &nft.Table{Family: nft.Inet, Name: "t", Chains: []*nft.Chain{chain("first", -10, 1), chain("second", 0, 1), chain("third", 10, 0)}}
	broken := errors.New("the answer is incomplete")
	for _, name := range []string{"first", "second", "third"} {
		tried := 0
		_, err := Findings(fuzzSpec(nft.IPv4), []*nft.Table{table}, brokenSource{chain: name, err: broken, tried: &tried}, Tracking{})
		require.ErrorIs(t, err, broken, name)
		assert.Equal(t, 1, tried, name)
	}
}

package firewall

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/nft"
)

// unknownExpressions is one expression that is not known.
var unknownExpressions = string(netlink.AppendAttribute(nil, unix.NFTA_LIST_ELEM, netlink.AppendText(nil, unix.NFTA_EXPR_NAME, "another")))

// TestUnknownEffect: the condition of a finding names the expression that is not known.
func TestUnknownEffect(t *testing.T) {
	spec, _, err := config.Parse("spec.yaml", strings.NewReader("clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}]"))
	require.NoError(t, err)
	rule := &nft.Rule{Handle: 4, Expressions: unknownExpressions}
	chain := &nft.Chain{Name: "c", Type: "filter", Hook: nft.HookPrerouting, Policy: 1, Rules: []*nft.Rule{rule}}
	for priority, same := range map[int32]bool{-400: false, nft.PriorityMangle: true} {
		chain.Priority = priority
		found, err := Findings(spec, []*nft.Table{{Family: nft.Inet, Name: "t", Chains: []*nft.Chain{chain}}}, inMemory{}, Tracking{})
		require.NoError(t, err)
		require.NotEmpty(t, found)
		assert.Equal(t, []string{"the unknown expression [another]"}, found[0].Conditions)
		assert.Equal(t, same, found[0].SamePriority, "priority %d: %s", priority, found[0])
	}
}

// TestAfterUnknownEffect: an expression that is not known may match or not, and end the path of the
// packets. So what follows is not certain.
func TestAfterUnknownEffect(t *testing.T) {
	spec, _, err := config.Parse("spec.yaml", strings.NewReader("clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}]"))
	require.NoError(t, err)
	drop := ruleOf(t, &expr.Verdict{Kind: expr.VerdictDrop})
	for name, rules := range map[string][]*nft.Rule{
		"in the same rule": {{Handle: 4, Expressions: unknownExpressions + drop.Expressions}},
		"in the next rule": {{Handle: 4, Expressions: unknownExpressions}, {Handle: 5, Expressions: drop.Expressions}},
	} {
		chain := &nft.Chain{Name: "c", Type: "filter", Hook: nft.HookPrerouting, Policy: 1, Rules: rules}
		found, err := Findings(spec, []*nft.Table{{Family: nft.Inet, Name: "t", Chains: []*nft.Chain{chain}}}, inMemory{}, Tracking{})
		require.NoError(t, err)
		at := slices.IndexFunc(found, func(f *Finding) bool { return f.Effect == Drops })
		require.GreaterOrEqual(t, at, 0, "%s: %s", name, found)
		assert.Equal(t, []string{"the unknown expression [another]"}, found[at].Conditions, name)
	}
}

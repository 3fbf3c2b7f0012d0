package equivalence

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/importer/iptables"
	"github.com/lvsmark/lvsmark/internal/importer/live"
	"github.com/lvsmark/lvsmark/internal/importer/shell"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestSecurityTable: the text of iptables-nft has the priority that the kernel has.
func TestSecurityTable(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "iptables-nft", "iptables-nft-save")
	t.Parallel()
	n := newNamespace(t)
	const script = "iptables-nft -t security -A INPUT -p tcp -j MARK --set-mark 5\niptables-nft -t security -A FORWARD -p tcp -j DROP\n"
	_, err := n.Run(script, "sh", "-e")
	require.NoError(t, err)
	saved, err := n.Run("", "iptables-nft-save")
	require.NoError(t, err)
	loaded := must(live.Read(n.Path()))
	want := priorities(loaded)
	require.Len(t, want, 2)
	for _, c := range []*oldconfig.Config{must(iptables.ReadSave("f", saved)), must(shell.Read("f", script))} {
		assert.Empty(t, c.NotUnderstood)
		assert.Equal(t, want, priorities(c))
	}
	assert.Len(t, must(shell.Read("f", "iptables -t security -A INPUT -p tcp -j MARK --set-mark 5\n")).NotUnderstood, 1, "of either backend")
}

// priorities returns the priority of each base chain with rules.
func priorities(c *oldconfig.Config) map[string]int {
	list := map[string]int{}
	for _, chain := range c.Chains {
		if chain.Base != nil && len(chain.Rules) > 0 {
			list[chain.Name] = chain.Base.Priority
		}
	}
	return list
}

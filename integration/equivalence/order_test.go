package equivalence

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/importer/nftables"
)

// TestOrderOfChains: packets pass chains of one table with the same priority in the order of the
// kernel, which has the chain that was created last first.
func TestOrderOfChains(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	t.Parallel()
	chain := func(name, mark string) string {
		return "chain " + name + " {\n type filter hook prerouting priority mangle\n meta mark set " + mark + "\n}\n"
	}
	for name, script := range map[string]string{
		"one table":      "table ip t {\n" + chain("b", "1") + chain("a", "2") + chain("c", "3") + "}\n",
		"opened again":   "table ip t {\n" + chain("b", "1") + "}\ntable ip t {\n" + chain("a", "2") + "}\n",
		"table of two":   "table inet t {\n" + chain("b", "1") + chain("a", "2") + "}\n",
		"deleted before": "table ip t {\n" + chain("b", "1") + chain("a", "2") + "}\ndelete chain ip t b\ntable ip t {\n" + chain("b", "3") + "}\n",
		"dormant before": "table ip t {\n flags dormant\n" + chain("b", "1") + chain("a", "2") + "}\ntable ip t {\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			site := newSite(t)
			require.NoError(t, site.Load(script))
			to := netip.MustParseAddr("198.51.100.21")
			sent := Packet{To: to, Protocol: 6, Port: 21}
			seen := observe(t, site, []Packet{sent}).Marks[sent]
			require.NotZero(t, seen)
			side := exact.Side{Chains: must(nftables.Read("f", script)).Chains}
			p := exact.Packet{Protocol: 6, From: netip.MustParseAddrPort("192.0.2.1:40000"), To: netip.AddrPortFrom(to, 21), Flags: exact.SYN}
			assert.Equal(t, seen, exact.Follow(side, p, false).Mark)
		})
	}
}

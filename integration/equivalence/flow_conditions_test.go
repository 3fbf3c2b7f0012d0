package equivalence

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
)

// TestFlowConditions sends several packets of each flow through a rule that takes some of them,
// whoever the client is: some arrive, some do not, and a finding says that the rule may take them.
func TestFlowConditions(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft", "ip", "sysctl")
	t.Parallel()
	site := newSite(t)
	forwards(t, site)
	g := flowGenerator{r: rand.New(rand.NewPCG(13, 13)), v4: true}
	spec, translate := g.spec(t)
	require.NoError(t, site.Commit(spec))
	for _, rule := range []string{
		"limit rate over 1/day burst 1 packets drop",
		"limit rate 1/day burst 1 packets accept; drop",
		"update @seen { ip daddr limit rate over 1/day burst 1 packets } drop",
		"numgen inc mod 2 0 drop",
		"quota over 50 bytes drop",
		"ct count over 1 drop",
	} {
		for i := range g.packets(translate) {
			require.NoError(t, site.Load("table ip t\ndelete table ip t\ntable ip t { set seen { type ipv4_addr; size 16; flags dynamic; }\nchain c { type filter hook forward priority 0; "+rule+"; }; }"))
			found := findingsOf(t, site, spec)
			var arrived [2]bool
			for n := range arrived {
				p := g.packets(translate)[i]
				sure, perhaps := p.findings(found)
				assert.False(t, sure, "%s: %s: %s", rule, p, found)
				assert.True(t, perhaps, "%s: %s: %s", rule, p, found)
				arrived[n] = site.forwarded(t, p)
			}
			assert.NotEqual(t, arrived[0], arrived[1], "%s: packet %d", rule, i)
		}
	}
}

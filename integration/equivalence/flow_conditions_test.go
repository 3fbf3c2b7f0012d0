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

// TestPacketTypes: the kernel forwards only packets to the host, which those of all flows are
// unless a rule sets their type.
func TestPacketTypes(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft", "ip", "sysctl", "iptables-nft-restore")
	t.Parallel()
	site := newSite(t)
	forwards(t, site)
	pre, forward := "prerouting priority 0", "forward priority 0"
	for _, v4 := range []bool{true, false} {
		g := flowGenerator{r: rand.New(rand.NewPCG(13, 13)), v4: v4}
		spec, translate := g.spec(t)
		require.NoError(t, site.Commit(spec))
		for _, c := range []struct {
			hook, rules string
			arrives     bool
			perhaps     bool // a finding says so
		}{
			{pre, "meta pkttype set other", false, false},
			{pre, "meta pkttype set broadcast", false, false},
			{pre, "meta pkttype set host", true, false},
			{pre, "meta pkttype set other; meta pkttype set host", true, true},
			{pre, "meta pkttype set host; meta pkttype set other", false, false},
			{pre, "meta pkttype set tcp dport map { 1-65535 : host }", true, false},
			{pre, "tcp dport 1-10 meta pkttype set other", true, false},
			{pre, "meta pkttype != host drop", true, false},
			{pre, "meta pkttype { broadcast, multicast } drop", true, false},
			{pre, "meta pkttype { host, other } drop", false, false},
			{pre, "meta pkttype vmap { host : drop, broadcast : accept }", false, false},
			{forward, "meta pkttype host drop", false, false},
			{forward, "meta pkttype { broadcast, multicast } drop", true, false},
		} {
			require.NoError(t, site.Load("table inet t\ndelete table inet t\ntable inet t { chain c { type filter hook "+c.hook+"; "+c.rules+"; }; }"))
			for _, p := range g.packets(translate) {
				found := findingsOf(t, site, spec)
				sure, perhaps := p.findings(found)
				assert.Equal(t, c.arrives, site.forwarded(t, p), "%s: %s: %s", c.rules, p, found)
				said := sure || p.later && perhaps // of all packets, or of later ones
				assert.Equal(t, !c.arrives || c.perhaps && p.later, said, "%s: %s: %s", c.rules, p, found)
				assert.Equal(t, c.perhaps, perhaps && c.arrives, "%s: %s: %s", c.rules, p, found)
			}
		}
	}
}

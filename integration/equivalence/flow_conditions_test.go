package equivalence

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
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

// TestConnectionStatus sends active data and the client's answer, and a later reply, through rules
// that test whether connection tracking translates the connection.
func TestConnectionStatus(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft", "ip", "sysctl", "iptables-nft-restore")
	t.Parallel()
	site := newSite(t)
	forwards(t, site)
	g := flowGenerator{r: rand.New(rand.NewPCG(13, 13)), v4: true}
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(`{clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: {active-data: {translate: snat}}, real-servers: [{address: 10.0.0.11}]}], director: {bind: false}}`))
	require.NoError(t, err)
	require.NoError(t, site.Commit(spec))
	for rules, arrives := range map[string][3]bool{ // active data, the answer to it, a later reply
		"ct status != snat drop":                                     {false, false, false},
		"ct status & dnat == 0 drop":                                 {false, false, false},
		"ct status dnat drop":                                        {true, true, true},
		"ct status snat drop":                                        {true, false, true},
		"ct status confirmed accept; drop":                           {false, true, false},
		"ip saddr 10.0.0.11 accept; ct status snat accept; drop":     {true, true, true},
		"ip saddr 10.0.0.11 accept; ct status dnat accept; drop":     {true, false, true},
		"ct status vmap { expected : drop, 0 : drop }":               {true, true, true},
		"ct status vmap { 0 : accept }; drop":                        {false, false, false},
		"ct status . tcp sport { 0 . 20, 0 . 21 } accept; drop":      {false, false, false},
		"-m conntrack ! --ctstate DNAT -j DROP":                      {false, false, false},
		"-m conntrack ! --ctstate SNAT,NEW -j DROP":                  {true, true, true},
		"-m conntrack ! --ctstate DNAT,ESTABLISHED -j DROP":          {false, true, false},
		"-m conntrack --ctstate SNAT -j DROP":                        {true, false, true},
		"-m conntrack ! --ctstate DNAT,RELATED -s 10.0.0.11 -j DROP": {false, true, false},
	} {
		t.Run(rules, func(t *testing.T) {
			require.NoError(t, site.Load("table ip t\ndelete table ip t\ntable ip filter\ndelete table ip filter"))
			packets, first := g.packets("snat"), g.packets("snat")[0]
			require.True(t, site.forwarded(t, first), "without a rule")
			if strings.HasPrefix(rules, "-") {
				_, err := site.Run("*filter\n-A FORWARD "+rules+"\nCOMMIT\n", "iptables-nft-restore")
				require.NoError(t, err)
			} else {
				require.NoError(t, site.Load("table ip t { chain c { type filter hook forward priority 0; "+rules+"; }; }"))
			}
			vip := netip.AddrPortFrom(g.vip(), first.from.Port())
			answer := flowPacket{flow: "answers of clients to active data from", from: first.to, to: vip, flags: 0x12}
			translated := answer
			translated.to = first.from
			known := answer // findings name the port of the real server
			known.from = first.from
			found := findingsOf(t, site, spec)
			for i, c := range []struct {
				packet  flowPacket
				arrived bool
			}{
				{packets[0], site.forwarded(t, packets[0])}, {known, site.forwardedAs(t, answer, translated)}, {packets[2], site.forwarded(t, packets[2])},
			} {
				assert.Equal(t, arrives[i], c.arrived, "%s", c.packet)
				sure, perhaps := c.packet.findings(found)
				assert.False(t, sure && c.arrived, "%s arrived in spite of %s", c.packet, found)
				assert.True(t, sure || perhaps || c.arrived, "%s: no warning: %s", c.packet, found)
			}
		})
	}
}

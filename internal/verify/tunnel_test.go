package verify

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// oneArmedBeside is a cluster with source-nat beside one with tunnels, whose packets another
// rule of the same chain may meet.
const oneArmedBeside = oneArmed + `  - {name: far, mark: 22, vips: [198.51.100.22], ports: [80], persistence: 1m, forwarding: tunnel, real-servers: [{address: 10.0.9.1}]}
`

// TestRulesBesideTunnels: rules that ask for the mark behind IPVS are understood if they
// cannot meet the outer packets of tunnels.
func TestRulesBesideTunnels(t *testing.T) {
	marks := "*mangle\n-A PREROUTING -d 198.51.100.22 -p tcp --dport 80 -j MARK --set-mark 22\n" + oneArmedRules[len("*mangle\n"):]
	services := oneArmedServices + "-A -f 22 -s wlc -p 60\n-a -f 22 -r 10.0.9.1:0 -i -w 1\n"
	for name, c := range map[string]struct {
		rules  []string
		answer string
	}{
		"real servers": {[]string{"-d 10.0.0.11 -m mark --mark 7 -j MASQUERADE", "-d 10.0.0.12 -m mark --mark 7 -j MASQUERADE"}, "equivalent"},
		"not tunnel":   {[]string{"! -d 10.0.9.1 -m mark --mark 7 -j MASQUERADE"}, "equivalent"},
		"protocol":     {[]string{"-p tcp -m mark --mark 7 -j MASQUERADE"}, "equivalent"},
		"udp":          {[]string{"-p udp -m mark --mark 22 -j MASQUERADE", "-d 10.0.0.0/29 -m mark --mark 7 -j MASQUERADE"}, "not proven"},
		"any":          {[]string{"-m mark --mark 7 -j MASQUERADE"}, "not proven"},
		"network":      {[]string{"-d 10.0.0.0/16 -m mark --mark 7 -j MASQUERADE"}, "not proven"},
		"not servers":  {[]string{"! -d 10.0.0.11 -m mark --mark 7 -j MASQUERADE", "-d 10.0.0.11 -m mark --mark 7 -j MASQUERADE"}, "not proven"},
	} {
		t.Run(name, func(t *testing.T) {
			r := compare(t, oneArmedBeside, marks+postrouting(c.rules...), services, "net.ipv4.vs.conntrack = 1\n")
			if c.answer == "equivalent" {
				assert.Equal(t, c.answer, r.Answer(), r.Text())
				return
			}
			assert.NotEqual(t, "equivalent", r.Answer(), r.Text())
			assert.NotEmpty(t, r.NotUnderstood)
		})
	}
}

// TestActionsAheadOfMatches: a rule meets tunnels unless one of the
// matches before its actions excludes them.
func TestActionsAheadOfMatches(t *testing.T) {
	excludes := []oldconfig.Match{{Field: oldconfig.Protocol, In: []oldconfig.Range{{Low: oldconfig.Number{Low: 6}, High: oldconfig.Number{Low: 6}}}}}
	acts := []oldconfig.Action{{Kind: oldconfig.SetMark}}
	servers := []netip.Addr{netip.MustParseAddr("10.0.9.1")}
	assert.False(t, meetsTunnel(&oldconfig.Rule{Then: &oldconfig.Rule{Matches: excludes, Actions: acts}}, servers))
	assert.True(t, meetsTunnel(&oldconfig.Rule{Actions: acts, Then: &oldconfig.Rule{Matches: excludes}}, servers))
}

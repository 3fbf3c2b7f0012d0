package firewall_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/firewall"
)

// TestPossibleClients: what rules do to active data of clients that may exist depends on where
// clients are, and the finding has the address of the director towards them.
func TestPossibleClients(t *testing.T) {
	const (
		certain  = "198.51.100.2"
		possible = "192.168.5.1"
		data     = "active data translated to "
		answers  = "answers of clients to active data from "
		places   = "where clients are"
	)
	chain := func(hook, rules string) string {
		return "table ip t { chain c { type filter hook " + hook + "; " + rules + "; }; }"
	}
	raw, late := "prerouting priority raw", "postrouting priority 150"
	for script, want := range map[string][]string{
		chain(raw, "ip daddr "+possible+" drop"):                                 {"may drop " + answers + possible + " (ports 20) [" + places + "]"},
		chain(raw, "ip daddr "+certain+" drop"):                                  {"will drop " + answers + certain + " (ports 20)"},
		chain(raw, "ip daddr "+possible+" tcp dport != 20 drop"):                 nil,
		chain(raw, "ip daddr 192.168.6.1 drop"):                                  nil,
		chain(raw, "ip daddr "+possible+" notrack"):                              {"may exclude from connection tracking " + answers + possible + " (ports 20) [" + places + "]"},
		chain(raw, `iifname "dmz" ip daddr `+possible+" drop"):                   {"may drop " + answers + possible + " (ports 20) [iifname " + places + "]"},
		chain(late, "ip saddr "+possible+" tcp sport 20 drop"):                   {"may drop " + data + possible + " (ports 20) [" + places + "]"},
		chain(late, "tcp sport 20 ip saddr { "+certain+", "+possible+" } drop"):  {"will drop " + data + certain + " (ports 20)", "may drop " + data + possible + " (ports 20) [" + places + "]"},
		chain(late, `oifname "dmz" tcp sport 20 ip saddr != 198.51.100.21 drop`): {"may drop " + data + certain + " (ports 20); " + data + possible + " (ports 20) [oifname " + places + "]"},
	} {
		t.Run(script, func(t *testing.T) {
			inScratch(t, func() {
				run(t, script, "-f", "-")
				tracking := firewall.Tracking{Masquerade: []netip.Addr{netip.MustParseAddr(certain)}, MasqueradePossible: []netip.Addr{netip.MustParseAddr(possible), netip.MustParseAddr("fd00::1")}}
				masqueraded := strings.Replace(flowSpec, "snat", "masquerade", 1)
				assert.Equal(t, want, foundBy(t, masqueraded, tracking))
				assert.Empty(t, foundBy(t, flowSpec, tracking), "translated to the VIP")
			})
		})
	}
}

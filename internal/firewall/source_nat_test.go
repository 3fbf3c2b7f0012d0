package firewall_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/firewall"
)

const sourceNATSpec = `
clusters:
  - {name: web, mark: 80, vips: [198.51.100.80, "2001:db8::80"], ports: [80], source-nat: snat, real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
  - {name: dns, mark: 53, vips: [198.51.100.53], ports: [udp/53], source-nat: masquerade, real-servers: [{address: 10.0.0.12}]}
  - {name: tcp, mark: 7, vips: [198.51.100.7], ports: [7], real-servers: [{address: 10.0.0.13}]}
director: {bind: false}
`

// TestSourceNATFindings has rules that keep packets of clusters with source-nat from their
// translation, and similar rules that do not.
func TestSourceNATFindings(t *testing.T) {
	const (
		web, dns     = "packets that IPVS sends to 10.0.0.11 (ports 80)", "packets that IPVS sends to 10.0.0.12 (ports udp/53)"
		all          = "packets that IPVS sends to 10.0.0.11 and another address (ports 80, udp/53)"
		toWeb, toDNS = "198.51.100.80 (ports 80)", "198.51.100.53 (ports udp/53)"
	)
	nat := func(priority, rule string) string {
		return "table ip t { chain c { type nat hook postrouting priority " + priority + "; " + rule + "; }; }"
	}
	filter := func(hook, rule string) string {
		return "table inet t { chain c { type filter hook " + hook + "; " + rule + "; }; }"
	}
	for script, want := range map[string][]string{
		nat("srcnat - 10", "masquerade"):                                                        {"will change the source of " + web},
		nat("srcnat - 1", "masquerade"):                                                         {"will change the source of " + web},
		nat("srcnat", "masquerade"):                                                             nil,
		nat("srcnat - 10", "ip daddr 10.0.0.12 masquerade"):                                     nil,
		nat("srcnat - 10", "ip daddr 10.0.0.0/24 snat to 10.0.0.1"):                             {"will change the source of " + all},
		nat("srcnat - 10", "ip daddr 10.0.0.11 snat to 198.51.100.80"):                          nil,
		nat("srcnat - 10", "ip daddr 10.0.0.13 masquerade"):                                     nil,
		filter("output priority 0", "ip daddr 10.0.0.0/24 meta mark set 0"):                     {"will set the mark of " + all},
		filter("postrouting priority -150", "ip daddr 10.0.0.12 meta mark set 0x100"):           {"will set the mark of " + dns},
		filter("postrouting priority 98", "ip daddr 10.0.0.11 meta mark set meta mark | 0x100"): {"will set the mark of " + web},
		filter("output priority 0", "ip daddr 10.0.0.13 meta mark set 0"):                       nil,
		filter("output priority 0", "ip daddr 10.0.0.11 meta mark set 80"):                      nil,
		filter("postrouting priority 99", "ip daddr 10.0.0.11 meta mark set 1"):                 nil,
		filter("postrouting priority 101", "meta mark set 1"):                                   nil,
		filter("prerouting priority -300", "ip daddr 198.51.100.0/24 notrack"):                  {"will exclude from connection tracking 198.51.100.53 and another VIP (ports 80, udp/53)"},
		filter("prerouting priority -300", "ip daddr 198.51.100.7 notrack"):                     nil,
		filter("output priority -300", "notrack"):                                               nil,
	} {
		t.Run(script, func(t *testing.T) {
			inScratch(t, func() {
				run(t, script, "-f", "-")
				assert.Equal(t, want, foundBy(t, sourceNATSpec, firewall.Tracking{IPVS: true, Needed: true}))
				if strings.Contains(script, "nat") {
					assert.Empty(t, foundBy(t, strings.NewReplacer("source-nat: snat", "source-nat: none", "source-nat: masquerade", "source-nat: none").Replace(sourceNATSpec), firewall.Tracking{IPVS: true}))
				}
			})
		})
	}
}

// TestAdviceOfSourceNAT: the remedies of findings of source-nat.
func TestAdviceOfSourceNAT(t *testing.T) {
	const ftp = "clusters: [{name: a, mark: 21, vips: [198.51.100.21], ftp: , source-nat: masquerade, real-servers: [{address: 10.0.0.11}]}]"
	for _, c := range []struct{ yaml, script, want string }{
		{sourceNATSpec, "table ip t { chain c { type filter hook output priority 0; meta mark set 0; }; }", "; source-nat compares all 32 bits of the mark: exclude packets to the real servers from that rule"},
		{sourceNATSpec, "table ip t { chain c { type nat hook postrouting priority 90; masquerade; }; }", "; give its chain the priority srcnat, so that lvsmark's chain is first, or exclude the real servers from that rule"},
		{sourceNATSpec, "table ip t { chain c { type filter hook prerouting priority -300; notrack; }; }", "; exclude packets to the VIPs from that rule: the kernel does not translate packets without connection tracking"},
		{ftp, "table ip t { chain c { type filter hook prerouting priority -300; notrack; }; }", "; exclude packets to the VIPs and active data from that rule: the kernel does not translate packets without connection tracking"},
	} {
		t.Run(c.want, func(t *testing.T) {
			inScratch(t, func() {
				run(t, c.script, "-f", "-")
				conn := dial(t)
				list, err := firewall.Findings(parse(t, c.yaml), foreign(t, conn), conn, firewall.Tracking{IPVS: true, Needed: true})
				assert.NoError(t, err)
				if assert.NotEmpty(t, list) {
					assert.True(t, strings.HasSuffix(list[0].String(), c.want), list[0].String())
				}
			})
		})
	}
}

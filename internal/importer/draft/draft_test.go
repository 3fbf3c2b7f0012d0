package draft

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

func numbers(low, high uint64) []oldconfig.Range {
	return []oldconfig.Range{{Low: oldconfig.Number{Low: low}, High: oldconfig.Number{Low: high}}}
}

func addresses(network string) []oldconfig.Range {
	return []oldconfig.Range{oldconfig.NetworkRange(netip.MustParsePrefix(network))}
}

func markRule(n int, network string, low, high uint64) *oldconfig.Rule {
	return &oldconfig.Rule{
		Line: oldconfig.Line{File: "fw.sh", Number: n},
		Matches: []oldconfig.Match{
			{Field: oldconfig.Destination, In: addresses(network)},
			{Field: oldconfig.Protocol, In: numbers(6, 6)},
			{Field: oldconfig.DestinationPort, In: numbers(low, high)},
		},
		Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 21}},
	}
}

// TestRecipe drafts the spec of the old recipe: two rules, a translation, a service.
func TestRecipe(t *testing.T) {
	c := &oldconfig.Config{
		Chains: []*oldconfig.Chain{
			{Family: config.IPv4, Table: "mangle", Name: "PREROUTING", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}, Rules: []*oldconfig.Rule{
				markRule(1, "198.51.100.21/32", 21, 21), markRule(2, "198.51.100.21/32", 10000, 20000),
			}},
			{Family: config.IPv4, Table: "nat", Name: "POSTROUTING", Base: &oldconfig.Base{Hook: oldconfig.Postrouting, Priority: 100, NAT: true}, Rules: []*oldconfig.Rule{{
				Line: oldconfig.Line{File: "fw.sh", Number: 3},
				Matches: []oldconfig.Match{
					{Field: oldconfig.Source, In: addresses("10.0.0.0/24")},
					{Field: oldconfig.Protocol, In: numbers(6, 6)},
					{Field: oldconfig.SourcePort, In: numbers(20, 20)},
				},
				Actions: []oldconfig.Action{{Kind: oldconfig.TranslateSource, ToDevice: true}},
			}}},
		},
		Services: []*oldconfig.Service{{
			Family: config.IPv4, Mark: 21, Scheduler: "wlc", Timeout: 300 * time.Second, Netmask: 32,
			Line: oldconfig.Line{File: "fw.sh", Number: 4},
			RealServers: []oldconfig.RealServer{
				{Destination: ipvs.Destination{Address: netip.MustParseAddr("10.0.0.11"), Weight: 1}, Line: oldconfig.Line{File: "fw.sh", Number: 5}},
				{Destination: ipvs.Destination{Address: netip.MustParseAddr("10.0.0.12"), Weight: 2}, Line: oldconfig.Line{File: "fw.sh", Number: 6}},
			},
		}},
	}
	d := New(c)
	assert.Equal(t, `clusters:
  - name: ftp
    mark: 21  # fw.sh:1
    vips: [198.51.100.21]  # fw.sh:1
    ftp:
      control-ports: [21]  # fw.sh:1
      passive-ports: 10000-20000  # fw.sh:1; the FTP servers must have the same range
      active-data:  # fw.sh:3
        translate: masquerade
        source: [10.0.0.0/24]
        ports: [20]
    forwarding: nat  # fw.sh:4
    scheduler: wlc  # fw.sh:4
    persistence: 5m  # fw.sh:4
    real-servers:
      - {address: 10.0.0.11}  # fw.sh:5
      - {address: 10.0.0.12, weight: 2}  # fw.sh:6
`, d.Text())
	spec, _, err := config.Parse("draft", strings.NewReader(d.Text()))
	assert.NoError(t, err)
	assert.NotNil(t, spec)
	assert.Empty(t, d.Findings)
}

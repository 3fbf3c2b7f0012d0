package nft_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

const furtherKeys = `
clusters:
  - {name: a, mark: 1, vips: [198.51.100.1, "2001:db8::1"], ports: [80], source-nat: snat, real-servers: [{address: 10.0.0.1}, {address: "fd00::1"}]}
  - {name: b, mark: 2, vips: [198.51.100.2], ports: [2000-3000], source-nat: masquerade, real-servers: [{address: 10.0.0.2}, {address: 10.0.0.1}]}
  - {name: c, mark: 3, vips: [198.51.100.3], ports: [80], real-servers: [{address: 10.0.0.3}]}
director: {keep-marks: true, local-clients: true}
`

// TestFurtherChains: the keys add chains and sets, and change nothing else.
func TestFurtherChains(t *testing.T) {
	without := parse(t, furtherKeys)
	without.Director.KeepMarks, without.Director.LocalClients = false, false
	for i := range without.Clusters {
		without.Clusters[i].SourceNAT = config.NoSourceNAT
	}
	plain, full := nft.Compile(without), nft.Compile(parse(t, furtherKeys))
	for i, table := range full.Tables {
		old := plain.Tables[i]
		for _, c := range old.Chains {
			assert.Equal(t, c, table.Chain(c.Name))
		}
		for _, s := range old.Sets {
			if s.Name != "settings" {
				assert.Equal(t, s, table.Set(s.Name))
			}
		}
		assert.Len(t, table.Chains, len(old.Chains)+3)
		assert.True(t, table.HasOwnForm())
		assert.Len(t, table.MarkChains(), 3)
		assert.Len(t, table.NATChains(), 1)
	}
}

// TestSourceNATRules decodes the rules of a compiled spec.
func TestSourceNATRules(t *testing.T) {
	table := nft.Compile(parse(t, furtherKeys)).Table(nft.IPv4, "lvsmark")
	rules := table.Chain("source_nat").Rules
	require.Len(t, rules, 2)
	masquerade, ok := table.SourceNATRule(rules[0])
	require.True(t, ok)
	assert.Equal(t, config.SourceNATMasquerade, masquerade.To)
	assert.Equal(t, []uint32{2}, masquerade.Marks.MarkKeys())
	assert.Len(t, masquerade.Servers.AddressRanges(), 2)
	snat, ok := table.SourceNATRule(rules[1])
	require.True(t, ok)
	assert.Equal(t, config.SourceNATToVIP, snat.To)
	assert.Equal(t, []uint32{1}, snat.Marks.MarkKeys())
	assert.Nil(t, snat.Servers.MarkKeys(), "keys are addresses")
}

// TestFurtherChainsUnmarked: a table with these chains is lvsmark's after `nft -j -f`, unless
// a chain has another place or type.
func TestFurtherChainsUnmarked(t *testing.T) {
	for change, form := range map[string]bool{
		"": true,
		"hook input priority 98;|hook input priority 97;":                           false,
		"filter hook output|route hook output":                                      false,
		"priority mangle; policy accept;|priority -149; policy accept;":             false,
		"hook input priority 98; policy accept|hook input priority 98; policy drop": false,
	} {
		t.Run(change, func(t *testing.T) {
			want := rehearse(t, parse(t, furtherKeys))
			inScratch(t, func() {
				conn := dial(t)
				apply(t, conn, want)
				bare := bareTable(t)
				old, next, _ := strings.Cut(change, "|")
				old = asListed(t, old)
				changed := bare
				if i := strings.LastIndex(bare, old); change != "" {
					require.GreaterOrEqual(t, i, 0, bare)
					changed = bare[:i] + next + bare[i+len(old):]
				}
				run(t, "flush ruleset; "+changed, "-f", "-")
				unmarked, err := conn.Unmarked()
				require.NoError(t, err)
				assert.Equal(t, form, len(unmarked) == 1)
			})
		})
	}
}

// TestHealFurtherChains changes the chains and sets of these keys by hand. A commit restores
// them.
func TestHealFurtherChains(t *testing.T) {
	for name, script := range map[string]string{
		"chain of input deleted":  "flush chain ip lvsmark input; delete chain ip lvsmark input",
		"chain of output emptied": "flush chain ip lvsmark output",
		"rule added before marks": "insert rule ip lvsmark input tcp dport 80 accept",
		"source-nat emptied":      "flush chain ip lvsmark source_nat",
		"source-nat deleted":      "flush chain ip lvsmark source_nat; delete chain ip lvsmark source_nat; delete set ip lvsmark snat_marks",
		"translated otherwise":    "insert rule ip lvsmark source_nat meta mark @snat_marks ip daddr @snat_servers masquerade",
		"to another address":      "flush chain ip lvsmark source_nat; add rule ip lvsmark source_nat meta mark @snat_marks ip daddr @snat_servers snat to ct reply ip daddr",
		"mark removed":            "delete element ip lvsmark masquerade_marks { 2 }",
		"mark added":              "add element ip lvsmark snat_marks { 3 }",
		"real server removed":     "delete element ip lvsmark masquerade_servers { 10.0.0.1 }",
		"IPv6, real server added": "add element ip6 lvsmark snat_servers { fd00::9 }",
		"table deleted":           "delete table ip lvsmark",
	} {
		t.Run(name, func(t *testing.T) {
			want := rehearse(t, parse(t, furtherKeys))
			inScratch(t, func() {
				conn := dial(t)
				apply(t, conn, want)
				assert.Empty(t, apply(t, conn, want), "a second apply")
				before := list(t, "ruleset")
				run(t, script, "-f", "-")
				assert.NotEmpty(t, apply(t, conn, want))
				now := snapshot(t, conn)
				assert.Empty(t, nft.Compare(&now.Ruleset, want).Changes(), "after healing")
				assert.Equal(t, sortedLines(before), sortedLines(list(t, "ruleset")))
			})
		})
	}
}

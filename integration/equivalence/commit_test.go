package equivalence

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/nft"
)

// foreignTables are tables of other programs, with names and hooks similar to those of
// lvsmark.
const foreignTables = `
table inet firewall {
	comment "not of lvsmark"
	counter hits {
		packets 3 bytes 180
	}
	set clients {
		type ipv4_addr . inet_service
		flags interval
		elements = { 10.0.0.0/8 . 21, 192.0.2.1 . 1024-65535 }
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		tcp dport { 21, 22, 10000-20000 } counter packets 7 bytes 420 accept
		meta mark 0x00000015 accept
	}
}
table ip lvsmark_foreign {
	map marks {
		type ipv4_addr : mark
		elements = { 198.51.100.1 : 0x00000015, 198.51.100.2 : 0x00000016 }
	}
	chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		tcp dport 21 meta mark set ip daddr map @marks
		ct mark set meta mark
	}
}
table ip6 prerouting {
	chain postrouting {
		type nat hook postrouting priority srcnat - 1; policy accept;
		ip6 saddr fd00::/8 masquerade
	}
}
`

// TestCommit commits one random spec after another, sometimes after manual changes to
// lvsmark's tables. Each time lvsmark's tables are the same as after a commit into an
// empty namespace, and the tables of other programs are unchanged.
func TestCommit(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	t.Parallel()
	worked, fresh := newNamespace(t), newNamespace(t)
	require.NoError(t, worked.Load(foreignTables))
	_, foreign := SplitListing(listing(t, worked))

	spec, damaged := &config.Spec{}, ""
	for i := range cases(200) {
		seed, r := random(i)
		before := spec
		spec = nextSpec(r, before)
		if damaged = ""; i > 0 && r.IntN(4) == 0 {
			damaged = damage(r, before)
			require.NoError(t, worked.Load(damaged), seed)
		}
		why := fmt.Sprintf("%s\nfrom:\n%s\ndamaged by:\n%s\nto:\n%s", seed, specgen.YAML(before), damaged, specgen.YAML(spec))

		rehearsed, err := nft.Rehearse(nft.Compile(spec))
		require.NoError(t, err, why)
		require.NoError(t, worked.CommitRuleset(rehearsed), why)
		own, others := SplitListing(listing(t, worked))
		require.NoError(t, fresh.CommitRuleset(rehearsed), why)
		want, _ := SplitListing(listing(t, fresh))
		require.Equal(t, want, own, why)
		require.Equal(t, foreign, others, why)
		require.NoError(t, fresh.CommitRuleset(&nft.Ruleset{}), why)
	}
	require.NoError(t, worked.CommitRuleset(&nft.Ruleset{}))
	assert.Equal(t, foreign, listing(t, worked), "after the last table was deleted")
	assert.Empty(t, listing(t, fresh))
}

// nextSpec returns a random spec, usually one with few differences.
func nextSpec(r *rand.Rand, spec *config.Spec) *config.Spec {
	if len(spec.Clusters) == 0 || r.IntN(3) == 0 {
		return specgen.Spec(r)
	}
	return specgen.Near(r, spec)
}

// damage returns a manual change to lvsmark's tables, for `nft -f`.
func damage(r *rand.Rand, spec *config.Spec) string {
	family := config.IPv4
	if !spec.Serves(family) {
		family = config.IPv6
	}
	table := nftFamily(family) + " " + spec.Director.Table
	return []string{
		"flush chain " + table + " prerouting",
		"delete table " + table,
		"insert rule " + table + " prerouting tcp dport 1 counter accept comment \"by hand\"",
		"add rule " + table + " prerouting ct state new ct mark set 1",
		"add set " + table + " junk { type inet_service; flags interval; elements = { 1-1024 }; }",
		"add counter " + table + " junk",
		"add chain " + table + " junk\nadd rule " + table + " junk drop\nadd rule " + table + " prerouting tcp dport 7 jump junk",
		"add chain " + table + " junk { type filter hook input priority 7; policy drop; }",
		"add set " + table + " junk { type ether_addr; timeout 1h; elements = { 00:01:02:03:04:05 }; }\n" +
			"add rule " + table + " prerouting ether saddr @junk drop",
		"add table " + table + " { flags dormant; }",
	}[r.IntN(10)]
}

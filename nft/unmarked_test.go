package nft_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// bareTable returns lvsmark's table ip lvsmark as nft lists it, without comments, as it is
// after `nft -j list ruleset` and `nft -j -f`.
func bareTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(list(t, "table", "ip", "lvsmark")) {
		if !strings.HasPrefix(strings.TrimSpace(line), "comment ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestUnmarked loads lvsmark's table without comments, as it was and changed by hand. Only a
// table with the form of lvsmark's can be adopted, and only the unchanged one matches.
func TestUnmarked(t *testing.T) {
	const add = "add rule ip lvsmark prerouting "
	for _, c := range []struct {
		name, script string
		form, match  bool
	}{
		{"unchanged", "", true, true},
		{"range as one expression or two", "flush chain ip lvsmark postrouting; add rule ip lvsmark postrouting tcp sport 20 ip saddr @masquerade_20 masquerade", true, true},
		{"ledger changed", "delete element ip lvsmark bound { 21 }", true, true},
		{"another VIP", "add element ip lvsmark tcp_80 { 192.0.2.9 : 80 }", true, false},
		{"another mark", "delete element ip lvsmark tcp_80 { 198.51.100.21 }; add element ip lvsmark tcp_80 { 198.51.100.21 : 81 }", true, false},
		{"another port", add + "th dport 8080 meta mark set ip daddr map @tcp_80", true, false},
		{"a rule less", "flush chain ip lvsmark postrouting", true, false},
		{"dormant", "add table ip lvsmark { flags dormant; }", true, false},
		{"a counter", add + "th dport 80 counter meta mark set ip daddr map @tcp_80", false, false},
		{"a comment", add + `th dport 8080 meta mark set ip daddr map @tcp_80 comment "mine"`, false, false},
		{"a verdict", add + "tcp dport 22 drop", false, false},
		{"a constant mark", add + "tcp dport 22 meta mark set 7", false, false},
		{"no rules", "flush chain ip lvsmark prerouting; flush chain ip lvsmark postrouting", false, false},
		{"no rules that mark", "flush chain ip lvsmark prerouting", false, false},
		{"a named counter", "add counter ip lvsmark seen", false, false},
		{"a set of ports", "add set ip lvsmark ports { type inet_service; }", false, false},
		{"a dynamic set", "add set ip lvsmark seen { type ipv4_addr; size 100; flags dynamic,timeout; }", false, false},
		{"another map", "add map ip lvsmark ports { type ipv4_addr : inet_service; }", false, false},
		{"a set named as the ledger", "delete set ip lvsmark bound; add set ip lvsmark bound { type ipv4_addr; }", false, false},
		{"an input chain", "add chain ip lvsmark input { type filter hook input priority 0; }", false, false},
		{"another nat chain", "add chain ip lvsmark published { type nat hook prerouting priority -100; }", false, false},
		{"a route chain", "add chain ip lvsmark output { type route hook output priority 0; }", false, false},
		{"a policy", "add chain ip lvsmark prerouting { policy drop; }", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := rehearse(t, parse(t, healSpec))
			inScratch(t, func() {
				conn := dial(t)
				apply(t, conn, want)
				bare := bareTable(t)
				run(t, "flush ruleset; "+foreign+bare+c.script, "-f", "-")

				unmarked, err := conn.Unmarked()
				require.NoError(t, err)
				assert.Equal(t, c.form, len(unmarked) == 1)
				assert.Empty(t, snapshot(t, conn).Tables)
				name := want.Tables[0].TableName()
				conn.Adopt(name)
				adopted := snapshot(t, conn).Tables
				require.Len(t, adopted, 1)
				assert.Equal(t, c.form, adopted[0].HasOwnForm())
				assert.Equal(t, c.match, adopted[0].MatchesExceptRecords(want.Tables[0]))
				assert.False(t, adopted[0].Owned())
				assert.False(t, slices.Contains(snapshot(t, conn).Foreign, name))

				// A commit gives the comments back, and a rollback takes them.
				before := sortedLines(list(t, "ruleset"))
				old := snapshot(t, conn)
				apply(t, conn, want)
				assert.True(t, snapshot(t, conn).Tables[0].Owned())
				assert.Empty(t, texts(apply(t, conn, want)))
				_, err = conn.Restore(&old.Ruleset)
				require.NoError(t, err)
				assert.Equal(t, before, sortedLines(list(t, "ruleset")))
			})
		})
	}
}

// TestUnmarkedOfOthers: a table of another program that marks packets in another way, or
// has no map of VIPs, does not have lvsmark's form, and neither has one that is lvsmark's by
// its comment.
func TestUnmarkedOfOthers(t *testing.T) {
	want := rehearse(t, parse(t, healSpec))
	inScratch(t, func() {
		conn := dial(t)
		apply(t, conn, want)
		run(t, foreign+`
table ip mine {
	map marks {
		type ipv4_addr : mark
		elements = { 192.0.2.1 : 1 }
	}

	chain c {
		type filter hook prerouting priority mangle;
		meta mark set ip saddr map @marks
	}
}
`, "-f", "-")
		unmarked, err := conn.Unmarked()
		require.NoError(t, err)
		assert.Empty(t, unmarked)
		conn.Adopt(nft.TableName{Family: nft.IPv4, Name: "no-such-table"})
		assert.Len(t, snapshot(t, conn).Tables, 1)
	})
}

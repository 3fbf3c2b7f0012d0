package nft_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

const healSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, 198.51.100.22], ftp: , real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}
  - {name: web, mark: 80, vips: [198.51.100.21], ports: [80], real-servers: [{address: 10.0.0.11}]}
director: {ip-forward: false}
`

// foreign is a ruleset of another program.
const foreign = `table ip filter {
	set lvsmark {
		type ipv4_addr
		elements = { 192.0.2.1 }
	}

	chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		ip saddr @lvsmark meta mark set 0x00000007
	}
}
table inet lvsmark {
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related counter packets 0 bytes 0 accept
	}
}
`

// TestHeal changes the tables by hand with nft. The difference contains exactly that change,
// and a commit restores the tables.
func TestHeal(t *testing.T) {
	const (
		ftpMap  = "map ip lvsmark tcp_21_10000-20000"
		webMap  = "map ip lvsmark tcp_80"
		chain   = "chain ip lvsmark prerouting"
		table   = "table ip lvsmark"
		tcpRule = "ip protocol != tcp accept"
		ansRule = "@th,104,8 != 0x10 @th,104,8 != 0x2 @th,104,8 != 0x18 @th,104,8 & 0x2 == 0x2 @th,104,8 & 0x10 == 0x10 socket wildcard 0 accept comment \"answers to connections of the director\""
		ctlRule = "th dport 21 meta mark set ip daddr map @tcp_21_10000-20000"
		webRule = "th dport 80 meta mark set ip daddr map @tcp_80"
		ftpRule = "ip daddr 198.51.0.0/16 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000"
	)
	add, del := nft.Add, nft.Delete
	cases := []struct {
		name, script string
		want         []string // changes of the commit
	}{
		{"element deleted", "delete element ip lvsmark tcp_21_10000-20000 { 198.51.100.22 }", []string{
			text(add, "element", ftpMap, "", "198.51.100.22 : 0x00000015"),
		}},
		{"element added", "add element ip lvsmark tcp_80 { 192.0.2.9 : 80 }", []string{
			text(del, "element", webMap, "192.0.2.9 : 0x00000050", ""),
		}},
		{"mark changed", "delete element ip lvsmark tcp_80 { 198.51.100.21 }; add element ip lvsmark tcp_80 { 198.51.100.21 : 81 }", []string{
			text(nft.Edit, "element", webMap, "198.51.100.21 : 0x00000051", "198.51.100.21 : 0x00000050"),
		}},
		{"map flushed", "flush map ip lvsmark tcp_21_10000-20000", []string{
			text(add, "element", ftpMap, "", "198.51.100.21 : 0x00000015"),
			text(add, "element", ftpMap, "", "198.51.100.22 : 0x00000015"),
		}},
		{"mark deleted from the ledger", "delete element ip lvsmark bound { 21 }", []string{
			text(add, "element", "set ip lvsmark bound", "", `0x00000015 comment "ftp"`),
		}},
		{"rule inserted", "insert rule ip lvsmark prerouting ip saddr 192.0.2.7 counter return", []string{
			text(del, "rule", chain, "ip saddr 192.0.2.7 counter return", ""),
		}},
		{"rule added", "add rule ip lvsmark prerouting ct state new limit rate 5/second log", []string{
			text(del, "rule", chain, "ct state new limit rate 5/second log", ""),
		}},
		{"chain flushed", "flush chain ip lvsmark prerouting", []string{
			text(add, "rule", chain, "", tcpRule), text(add, "rule", chain, "", ansRule), text(add, "rule", chain, "", ctlRule),
			text(add, "rule", chain, "", webRule), text(add, "rule", chain, "", ftpRule),
		}},
		{"rule moved", "flush chain ip lvsmark prerouting; " + addRules(tcpRule, ansRule, webRule, ftpRule, ctlRule), []string{
			text(del, "rule", chain, ctlRule+" (in another place)", ""), text(add, "rule", chain, "", ctlRule+" (in its place)"),
		}},
		{"chain added", "add chain ip lvsmark extra; add rule ip lvsmark extra tcp dport 22 drop", []string{
			text(del, "chain", table, "extra", ""), text(del, "rule", "chain ip lvsmark extra", "tcp dport 22 drop", ""),
		}},
		{"chain deleted", "delete chain ip lvsmark postrouting", []string{
			text(add, "chain", table, "", "postrouting { type nat hook postrouting priority srcnat - 1; policy accept; }"),
			text(add, "rule", "chain ip lvsmark postrouting", "", "ip saddr @masquerade_20 tcp sport 20 masquerade"),
		}},
		{"set added", "add set ip lvsmark manual { type inet_service; elements = { 22 }; }", []string{
			text(del, "set", table, "manual { type inet_service }", ""),
			text(del, "element", "set ip lvsmark manual", "22", ""),
		}},
		{"counter added", "add counter ip lvsmark seen; add rule ip lvsmark prerouting counter name seen", []string{
			text(del, "rule", chain, `counter name "seen"`, ""), text(del, "counter", table, "seen", ""),
		}},
		{"policy changed", "add chain ip lvsmark prerouting { policy drop; }", []string{
			text(nft.Edit, "chain", table,
				"prerouting { type filter hook prerouting priority mangle; policy drop; }",
				"prerouting { type filter hook prerouting priority mangle; policy accept; }"),
		}},
		{"table dormant", "add table ip lvsmark { flags dormant; }", []string{
			text(nft.Edit, "table", "",
				`ip lvsmark { flags dormant; comment "lvsmark: compiled from a spec; change that, not this" }`,
				`ip lvsmark { comment "lvsmark: compiled from a spec; change that, not this" }`),
		}},
		{"map size changed", `delete chain ip lvsmark prerouting; delete map ip lvsmark tcp_80
			add map ip lvsmark tcp_80 { type ipv4_addr : mark; size 16; comment "VIP : fwmark"; elements = { 198.51.100.21 : 80 }; }
			add chain ip lvsmark prerouting { comment "a fwmark for each packet of a cluster"; type filter hook prerouting priority mangle; }
			` + addRules(tcpRule, ansRule, ctlRule, webRule, ftpRule), []string{
			text(nft.Edit, "map", table, "tcp_80 { type ipv4_addr : mark; size 16 }", "tcp_80 { type ipv4_addr : mark; size 1024 }"),
		}},
		{"foreign table added", "add table ip other { chain c { type filter hook prerouting priority -200; }; }", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := rehearse(t, parse(t, healSpec))
			inScratch(t, func() {
				run(t, foreign, "-f", "-")
				conn := dial(t)
				apply(t, conn, want)
				assert.Empty(t, apply(t, conn, want), "a second apply")
				before := list(t, "table", "ip", "lvsmark")

				run(t, c.script, "-f", "-")
				others := foreignOf(t, conn)
				assert.Equal(t, c.want, texts(apply(t, conn, want)))

				now := snapshot(t, conn)
				assert.Empty(t, nft.Compare(&now.Ruleset, want).Changes(), "after healing")
				assert.Equal(t, sortedLines(before), sortedLines(list(t, "table", "ip", "lvsmark")))
				assert.Equal(t, others, foreignOf(t, conn))
			})
		})
	}
}

// TestNothingToDo: without a difference nothing is written, and the generation stays.
func TestNothingToDo(t *testing.T) {
	want := rehearse(t, parse(t, healSpec))
	inScratch(t, func() {
		conn := dial(t)
		apply(t, conn, want)
		before, err := conn.Generation()
		require.NoError(t, err)
		assert.Empty(t, apply(t, conn, want))
		after, err := conn.Generation()
		require.NoError(t, err)
		assert.Equal(t, before, after)
	})
}

func addRules(rules ...string) string {
	const add = "add rule ip lvsmark prerouting "
	return add + strings.Join(rules, "; "+add)
}

func texts(changes []nft.Change) []string {
	var list []string
	for _, c := range changes {
		list = append(list, text(c.Op, c.Kind(), c.Where(), c.BeforeText(), c.AfterText()))
	}
	return list
}

func text(op nft.Op, kind, where, before, after string) string {
	return fmt.Sprintf("%s %s in %q: %q -> %q", op, kind, where, before, after)
}

// TestHealOnly changes the conditions of only by hand: a commit restores them.
func TestHealOnly(t *testing.T) {
	const spec = `clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], only: {sources: [10.1.0.0/16], devices: [wan0], except-macs: ["02:00:00:00:00:02"]}, ftp: , real-servers: [{address: 10.0.0.11}]}]` + "\n"
	want := rehearse(t, parse(t, spec))
	nameOf := func(prefix string) string {
		for _, s := range want.Tables[0].Sets {
			if strings.HasPrefix(s.Name, prefix+"_") && s.Name != prefix+"_20" {
				return s.Name
			}
		}
		require.Fail(t, "no set "+prefix)
		return ""
	}
	sources, devices, macs := nameOf("sources"), nameOf("devices"), nameOf("except_macs")
	for name, script := range map[string]string{
		"network added":   "add element ip lvsmark " + sources + " { 10.2.0.0/16 }",
		"device deleted":  "delete element ip lvsmark " + devices + ` { "wan0" }`,
		"sender added":    "add element ip lvsmark " + macs + " { 02:00:00:00:00:03 }",
		"rules replaced":  "flush chain ip lvsmark prerouting; add rule ip lvsmark prerouting tcp dport 21 ip saddr @" + sources + " meta mark set ip daddr map @" + nameOf("tcp_21_10000-20000_only"),
		"devices flushed": "flush set ip lvsmark " + devices,
	} {
		t.Run(name, func(t *testing.T) {
			inScratch(t, func() {
				conn := dial(t)
				apply(t, conn, want)
				before := list(t, "table", "ip", "lvsmark")
				run(t, script, "-f", "-")
				now := snapshot(t, conn)
				assert.True(t, now.Tables[0].HasOwnForm())
				assert.NotEmpty(t, apply(t, conn, want))
				assert.Equal(t, sortedLines(before), sortedLines(list(t, "table", "ip", "lvsmark")))
				assert.Empty(t, apply(t, conn, want), "a second apply")
			})
		})
	}
}

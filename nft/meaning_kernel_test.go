package nft_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/nft"
)

// TestEquivalentRules loads lvsmark's rules in other forms with nft: rules with the same
// meaning are no difference, others are one.
func TestEquivalentRules(t *testing.T) {
	const (
		tcpRule = "ip protocol != tcp accept"
		ansRule = "@th,104,8 != 0x10 @th,104,8 != 0x2 @th,104,8 != 0x18 @th,104,8 & 0x2 == 0x2 @th,104,8 & 0x10 == 0x10 socket wildcard 0 accept comment \"answers to connections of the director\""
		ctlRule = "th dport 21 meta mark set ip daddr map @tcp_21_10000-20000"
		webRule = "th dport 80 meta mark set ip daddr map @tcp_80"
		ftpRule = "ip daddr 198.51.0.0/16 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000"
		masked  = "ip saddr @masquerade_20 tcp sport 20 masquerade"
	)
	for _, c := range []struct {
		name, original, rule string
		same                 bool
	}{
		{"two comparisons", ftpRule, "ip daddr 198.51.0.0/16 th dport >= 10000 th dport <= 20000 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"strict comparisons", ftpRule, "ip daddr 198.51.0.0/16 th dport > 9999 th dport < 20001 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"a redundant comparison", ftpRule, "ip daddr 198.51.0.0/16 th dport >= 9 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"another order", ftpRule, "th dport 10000-20000 ip daddr 198.51.0.0/16 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"a mask", ftpRule, "ip daddr & 255.255.0.0 == 198.51.0.0 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"bytes loaded one by one", ftpRule, "@nh,128,8 198 @nh,136,8 51 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"raw payload", ctlRule, "@th,16,16 21 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"a range of one port", ctlRule, "th dport >= 21 th dport <= 21 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"the parsed protocol", tcpRule, "meta l4proto != tcp accept", true},
		{"the header's protocol", masked, "ip saddr @masquerade_20 ip protocol tcp th sport 20 masquerade", true},
		{"source after its port", masked, "tcp sport 20 ip saddr @masquerade_20 masquerade", true},

		{"flags in another order", ansRule, strings.Replace(ansRule, "@th,104,8 != 0x10 @th,104,8 != 0x2 @th,104,8 != 0x18", "@th,104,8 != 0x18 @th,104,8 != 0x10 @th,104,8 != 0x2", 1), true},

		{"another upper end", ftpRule, "ip daddr 198.51.0.0/16 th dport 10000-20001 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"another lower end", ftpRule, "ip daddr 198.51.0.0/16 th dport > 10000 th dport <= 20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"all but the range", ftpRule, "ip daddr 198.51.0.0/16 th dport != 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"another network", ftpRule, "ip daddr 198.50.0.0/16 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"a longer prefix", ftpRule, "ip daddr 198.51.0.0/17 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"no network", ftpRule, "th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"the source's network", ftpRule, "ip saddr 198.51.0.0/16 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"network tested after the mark", ftpRule, "th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000 ip daddr 198.51.0.0/16", false},
		{"the source port", ctlRule, "th sport 21 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"one protocol", ctlRule, "tcp dport 21 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"an additional set", ctlRule, "th dport 21 ip daddr @masquerade_20 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"another protocol", tcpRule, "ip protocol != udp accept", false},
		{"protocol not inverted", tcpRule, "ip protocol tcp accept", false},
		{"another field of the header", tcpRule, "ip ttl != 6 accept", false},
		{"another map", ctlRule, "th dport 21 meta mark set ip daddr map @tcp_80", false},
		{"a constant", ctlRule, "th dport 21 meta mark set 21", false},
		{"a test of the mark", webRule, "th dport 80 meta mark 0 meta mark set ip daddr map @tcp_80", false},
		{"an accept", webRule, "th dport 80 meta mark set ip daddr map @tcp_80 accept", false},
		{"a counter", webRule, "th dport 80 counter meta mark set ip daddr map @tcp_80", false},
		{"a comment", webRule, `th dport 80 meta mark set ip daddr map @tcp_80 comment "manual"`, false},
		{"other flags", ansRule, strings.Replace(ansRule, "& 0x10 == 0x10", "& 0x10 == 0", 1), false},
		{"flags in one comparison", ansRule, strings.Replace(ansRule, "@th,104,8 & 0x2 == 0x2 @th,104,8 & 0x10 == 0x10", "@th,104,8 & 0x12 == 0x12", 1), false},
		{"no socket", ansRule, strings.Replace(ansRule, "socket wildcard 0 ", "", 1), false},
		{"another property of the socket", ansRule, strings.Replace(ansRule, "wildcard", "transparent", 1), false},
		{"a socket that listens", ansRule, strings.Replace(ansRule, "wildcard 0", "wildcard 1", 1), false},
		{"an inverted set", masked, "ip saddr != @masquerade_20 tcp sport 20 masquerade", false},
		{"a range of target ports", masked, "ip saddr @masquerade_20 tcp sport 20 masquerade to :1024-2048", false},
		{"persistent", masked, "ip saddr @masquerade_20 tcp sport 20 masquerade persistent", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := rehearse(t, parse(t, healSpec))
			inScratch(t, func() {
				conn := dial(t)
				apply(t, conn, want)
				chain, rules := "prerouting", []string{tcpRule, ansRule, ctlRule, webRule, ftpRule}
				if c.original == masked {
					chain, rules = "postrouting", []string{masked}
				}
				script := []string{"flush chain ip lvsmark " + chain}
				for _, rule := range rules {
					if rule == c.original {
						rule = c.rule
					}
					script = append(script, "add rule ip lvsmark "+chain+" "+rule)
				}
				run(t, strings.Join(script, "\n"), "-f", "-")
				changes := nft.Compare(&snapshot(t, conn).Ruleset, want).Changes()
				nft.AssertDistinct(t, changes)
				if c.same {
					assert.Empty(t, texts(changes))
					return
				}
				var ruleOps []nft.Op
				for _, change := range changes {
					if change.Kind() == "rule" {
						ruleOps = append(ruleOps, change.Op)
					}
				}
				assert.ElementsMatch(t, []nft.Op{nft.Delete, nft.Add}, ruleOps, "%s", texts(changes))
			})
		})
	}
}

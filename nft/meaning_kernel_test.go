package nft_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/nft"
)

// TestOtherWords has nft write rules of lvsmark's in other words: what means the
// same is no difference, and anything else is one.
func TestOtherWords(t *testing.T) {
	const (
		tcpRule = "ip protocol != tcp accept"
		ctlRule = "th dport 21 meta mark set ip daddr map @tcp_21_10000-20000"
		webRule = "th dport 80 meta mark set ip daddr map @tcp_80"
		ftpRule = "ip daddr 198.51.0.0/16 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000"
		masked  = "ip saddr @masquerade_20 tcp sport 20 masquerade"
	)
	for _, c := range []struct {
		name, instead, rule string
		same                bool
	}{
		{"two comparisons", ftpRule, "ip daddr 198.51.0.0/16 th dport >= 10000 th dport <= 20000 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"without equality", ftpRule, "ip daddr 198.51.0.0/16 th dport > 9999 th dport < 20001 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"a comparison too many", ftpRule, "ip daddr 198.51.0.0/16 th dport >= 9 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"another order", ftpRule, "th dport 10000-20000 ip daddr 198.51.0.0/16 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"a mask", ftpRule, "ip daddr & 255.255.0.0 == 198.51.0.0 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"bytes loaded one by one", ftpRule, "@nh,128,8 198 @nh,136,8 51 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"raw payload", ctlRule, "@th,16,16 21 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"a range of one port", ctlRule, "th dport >= 21 th dport <= 21 meta mark set ip daddr map @tcp_21_10000-20000", true},
		{"the protocol as the kernel found it", tcpRule, "meta l4proto != tcp accept", true},
		{"the header's protocol", masked, "ip saddr @masquerade_20 ip protocol tcp th sport 20 masquerade", true},
		{"source behind its port", masked, "tcp sport 20 ip saddr @masquerade_20 masquerade", true},

		{"another upper end", ftpRule, "ip daddr 198.51.0.0/16 th dport 10000-20001 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"another lower end", ftpRule, "ip daddr 198.51.0.0/16 th dport > 10000 th dport <= 20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"all but the range", ftpRule, "ip daddr 198.51.0.0/16 th dport != 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"another network", ftpRule, "ip daddr 198.50.0.0/16 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"a longer prefix", ftpRule, "ip daddr 198.51.0.0/17 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"no network", ftpRule, "th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"the source's network", ftpRule, "ip saddr 198.51.0.0/16 th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"asked behind the mark", ftpRule, "th dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000 ip daddr 198.51.0.0/16", false},
		{"the source port", ctlRule, "th sport 21 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"one protocol", ctlRule, "tcp dport 21 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"an address in a set too", ctlRule, "th dport 21 ip daddr @masquerade_20 meta mark set ip daddr map @tcp_21_10000-20000", false},
		{"another protocol", tcpRule, "ip protocol != udp accept", false},
		{"that protocol", tcpRule, "ip protocol tcp accept", false},
		{"another field of the header", tcpRule, "ip ttl != 6 accept", false},
		{"of the other map", ctlRule, "th dport 21 meta mark set ip daddr map @tcp_80", false},
		{"a constant", ctlRule, "th dport 21 meta mark set 21", false},
		{"a mark already", webRule, "th dport 80 meta mark 0 meta mark set ip daddr map @tcp_80", false},
		{"it accepts", webRule, "th dport 80 meta mark set ip daddr map @tcp_80 accept", false},
		{"it counts", webRule, "th dport 80 counter meta mark set ip daddr map @tcp_80", false},
		{"it has a comment", webRule, `th dport 80 meta mark set ip daddr map @tcp_80 comment "mine"`, false},
		{"sources that are not in the set", masked, "ip saddr != @masquerade_20 tcp sport 20 masquerade", false},
		{"to a range of ports", masked, "ip saddr @masquerade_20 tcp sport 20 masquerade to :1024-2048", false},
		{"persistent", masked, "ip saddr @masquerade_20 tcp sport 20 masquerade persistent", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := rehearse(t, parse(t, healSpec))
			inScratch(t, func() {
				conn := dial(t)
				apply(t, conn, want)
				chain, rules := "prerouting", []string{tcpRule, ctlRule, webRule, ftpRule}
				if c.instead == masked {
					chain, rules = "postrouting", []string{masked}
				}
				script := []string{"flush chain ip lvsmark " + chain}
				for _, rule := range rules {
					if rule == c.instead {
						rule = c.rule
					}
					script = append(script, "add rule ip lvsmark "+chain+" "+rule)
				}
				run(t, strings.Join(script, "\n"), "-f", "-")
				changes := nft.Compare(&snapshot(t, conn).Ruleset, want).Changes()
				if c.same {
					assert.Empty(t, texts(changes))
					return
				}
				var rulesOf []nft.Op
				for _, change := range changes {
					if change.Kind() == "rule" {
						rulesOf = append(rulesOf, change.Op)
					}
				}
				assert.ElementsMatch(t, []nft.Op{nft.Delete, nft.Add}, rulesOf, "%s", texts(changes))
			})
		})
	}
}

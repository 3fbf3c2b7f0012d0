package firewall_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/integration/scratch"
)

// TestRuleOfFinding: the text of a rule is that of nft, with the elements of its anonymous
// sets unless they are many.
func TestRuleOfFinding(t *testing.T) {
	var many []string
	for i := range 70 {
		many = append(many, fmt.Sprint(20000+2*i))
	}
	for _, c := range []struct{ family, rule, want string }{
		{"ip", "tcp dport { 21, 10000-20000 } drop", "tcp dport { 21, 10000-20000 } drop"},
		{"inet", "meta nfproto ipv4 ip daddr { 198.51.100.0/24, 203.0.113.7 } drop", "ip daddr { 198.51.100.0/24, 203.0.113.7 } drop"},
		{"inet", "ip daddr . tcp dport vmap { 198.51.100.21 . 21 : drop }", "ip daddr . tcp dport vmap { 198.51.100.21 . 21 : drop }"},
		{"inet", "fib daddr type { local, broadcast } drop", "fib daddr type { local, broadcast } drop"},
		{"ip", "tcp dport { 21, " + strings.Join(many, ", ") + " } drop", "tcp dport @__set0 drop"},
	} {
		inScratch(t, func() {
			run(t, "table "+c.family+" t { chain c { type filter hook prerouting priority raw; "+c.rule+"; }; }", "-f", "-")
			list := findings(t, parse(t, findingSpec))
			if assert.NotEmpty(t, list, c.rule) {
				assert.Equal(t, c.want, list[0].Rule())
			}
		})
	}
}

// TestRuleOfFindingWithSet: a set that is not anonymous is in the text of a rule by its name.
func TestRuleOfFindingWithSet(t *testing.T) {
	inScratch(t, func() {
		run(t, "table ip t { set s { type inet_service; elements = { 21 }; }; chain c { type filter hook prerouting priority raw; tcp dport @s ip daddr { 198.51.100.21, 198.51.100.22 } drop; }; }", "-f", "-")
		list := findings(t, parse(t, findingSpec))
		if assert.NotEmpty(t, list) {
			assert.Equal(t, "tcp dport @s ip daddr { 198.51.100.21, 198.51.100.22 } drop", list[0].Rule())
		}
	})
}

// TestRuleOfFindingWithDevice: the text has the names of devices, also where the kernel has their
// indexes.
func TestRuleOfFindingWithDevice(t *testing.T) {
	for _, rule := range []string{`iif "eth0" drop`, `iif { "eth1", "eth0" } drop`, `iif . tcp dport { "eth0" . 21 } drop`, `iif != "eth1" drop`, `iif 77 drop`} {
		inScratch(t, func() {
			scratch.Run(t, "", "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
			run(t, "table ip t { chain c { type filter hook prerouting priority raw; "+rule+"; }; }", "-f", "-")
			list := findings(t, parse(t, findingSpec))
			if assert.NotEmpty(t, list, rule) {
				assert.Equal(t, rule, list[0].Rule())
			}
		})
	}
}

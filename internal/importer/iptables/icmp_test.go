package iptables

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestICMP: a line for ICMP that iptables-restore refuses is one for which it loads no rule of the
// table, and each family has its own match.
func TestICMP(t *testing.T) {
	need.Programs(t, "iptables-legacy-restore", "ip6tables-legacy-restore")
	rules := []string{
		"-p icmp -j ACCEPT", "-p icmpv6 -j ACCEPT", "-p ipv6-icmp -j ACCEPT", "-p icmp6 -j ACCEPT", "-p 58 -j ACCEPT",
		"-p icmp --icmp-type 8 -j ACCEPT", "-p icmpv6 --icmpv6-type 128 -j ACCEPT", "-p icmp -m icmp --icmp-type ping -j ACCEPT",
		"-p icmpv6 -m icmp6 --icmpv6-type 1/4 -j ACCEPT", "-p icmpv6 -m ipv6-icmp --icmpv6-type echo-request -j ACCEPT",
		"-p icmp -m icmp -j ACCEPT", "-p icmpv6 -m icmp6 -j ACCEPT", "-p icmp --icmp-type 0x8/0:3 -j ACCEPT",
		"-p icmp --icmp-type 256 -j ACCEPT", "-p icmp --icmp-type 8/ -j ACCEPT", "-p icmpv6 --icmpv6-type 1/256 -j ACCEPT",
		"-p icmpv6 ! --icmpv6-type 1 -j ACCEPT", "-p icmp ! --icmp-type 010 -j ACCEPT",
	}
	for _, family := range config.Families() {
		program := map[config.Family]string{config.IPv4: "iptables-legacy-restore", config.IPv6: "ip6tables-legacy-restore"}[family]
		loaded := 0
		for _, rule := range rules {
			text := "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING " + rule + "\nCOMMIT\n"
			scratch.Do(t, func() {
				cmd := exec.Command(program)
				cmd.Stdin = strings.NewReader(text)
				out, err := cmd.CombinedOutput()
				r := New()
				r.Restore(family, oldconfig.Line{File: "f", Number: 1}, text, false)
				c := r.Config()
				if isUnknownProtocol := strings.Contains(rule, "-p icmp6"); !isUnknownProtocol {
					assert.Equal(t, err == nil, len(c.NotUnderstood) == 0, "%s: %s\n%s%v", family, rule, out, c.NotUnderstood)
				}
				if err == nil {
					loaded++
				}
			})
		}
		assert.Greater(t, loaded, 5)
	}
}

package iptables

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestGuessFamilies: the addresses, protocols and options of a table name its family; without
// them, the name of the file does.
func TestGuessFamilies(t *testing.T) {
	four, six := []oldconfig.Family{config.IPv4}, []oldconfig.Family{config.IPv6}
	both := []oldconfig.Family{config.IPv4, config.IPv6}
	for _, c := range []struct {
		file, text string
		want       []oldconfig.Family
	}{
		{"rules", "-A a -d 198.51.100.21/32 -j ACCEPT", four},
		{"rules", "-A a -s 2001:db8::1,2001:db8::2 -j ACCEPT", six},
		{"rules", "-A a -m iprange --src-range 10.0.0.1-10.0.0.9", four},
		{"rules", "-A a -d 198.51.100.21\n-A a -d 2001:db8::1", both},
		{"rules", "-A a -j REJECT --reject-with icmp-port-unreachable", four},
		{"rules", "-A a -p ipv6-icmp -j ACCEPT", six},
		{"rules", "-4 -A a -j ACCEPT", four},
		{"rules", "-A a --ipv6 -j ACCEPT", six},
		{"rules", "-A a -p tcp -m mac --mac-source 00:11:22:33:44:55", nil},
		{"rules", "-A a -j ACCEPT\nCOMMIT\n-A a -d 2001:db8::1", nil},
		{"rules", "-A a -j ACCEPT\n*nat\n-A a -d 2001:db8::1", nil},
		{"/etc/iptables/rules.v4", "-A a -j ACCEPT", four},
		{"/etc/iptables/rules.v6", "-A a -j ACCEPT", six},
		{"/etc/sysconfig/iptables", "-A a -j ACCEPT", four},
		{"/etc/sysconfig/ip6tables", "-A a -j ACCEPT", six},
		{"rules.v6", "-A a -d 198.51.100.21", four},
	} {
		assert.Equal(t, c.want, guessFamilies(c.file, c.text), "%s: %s", c.file, c.text)
	}
}

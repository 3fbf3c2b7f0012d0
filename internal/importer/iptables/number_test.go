package iptables

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestProtocolNames: the names of /etc/protocols, and the module that -p loads.
func TestProtocolNames(t *testing.T) {
	for name, want := range map[string]struct {
		number uint64
		module string
	}{
		"all": {0, ""}, "ip": {0, ""}, "icmp": {1, "icmp"}, "igmp": {2, ""}, "ipip": {4, ""}, "ipencap": {4, ""},
		"tcp": {6, "tcp"}, "TCP": {6, "tcp"}, "udp": {17, "udp"}, "dccp": {33, "dccp"}, "ipv6": {41, ""}, "gre": {47, ""},
		"esp": {50, "esp"}, "ah": {51, "ah"}, "icmpv6": {58, "icmp6"}, "ipv6-icmp": {58, "icmp6"}, "ospf": {89, ""},
		"vrrp": {112, ""}, "sctp": {132, "sctp"}, "udplite": {136, "udplite"}, "0x6": {6, "tcp"}, "255": {255, ""},
	} {
		number, ok := parseProtocol(name)
		assert.True(t, ok, name)
		assert.Equal(t, want.number, number, name)
		assert.Equal(t, want.module, moduleOf(number), name)
	}
	for _, name := range []string{"", "256", "-1", "nothing"} {
		_, ok := parseProtocol(name)
		assert.False(t, ok, name)
	}
}

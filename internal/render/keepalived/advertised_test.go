package keepalived_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAdvertised: the advertised VIP is the lowest one of the peers' family, whatever the order of
// the file, because keepalived ignores a peer that advertises another one.
func TestAdvertised(t *testing.T) {
	const director = "director: {vrrp: {device: eth0, router-id: 51, priority: 150, peers: [192.0.2.2], gateways: [{address: 198.51.100.30, device: eth0}]}}\n"
	for _, vips := range []string{
		`198.51.100.22, "2001:db8::1", 198.51.100.100, 198.51.100.0/29`,
		`198.51.100.100, 198.51.100.0/29, 198.51.100.22, "2001:db8::1", 198.51.100.30`,
	} {
		text := rendered(t, parse(t, "clusters:\n  - {name: a, mark: 1, vips: ["+vips+"], ports: [80], real-servers: [{address: 10.0.0.1}, {address: \"fd00::1\"}]}\n"+director), "")
		assert.Contains(t, text, "virtual_ipaddress {\n        198.51.100.22/32 dev eth0\n    }\n")
		assert.Contains(t, text, "        198.51.100.100/32 dev eth0\n")
		assert.Equal(t, 1, strings.Count(text, "198.51.100.30/32"), "a gateway that is a VIP is added once")
	}
}

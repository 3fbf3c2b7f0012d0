package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGatewaysOfFamilies: each family with real servers behind nat needs a gateway that moves.
func TestGatewaysOfFamilies(t *testing.T) {
	const text = "clusters:\n  - {name: a, mark: 1, vips: [192.0.2.21, \"2001:db8::21\"], ports: [80], real-servers: [{address: 10.0.0.2}, {address: \"fd00::2\"}]}\n" +
		"director: {vrrp: {device: eth0, router-id: 51, priority: 150, peers: [192.0.2.2], gateways: [IPV4, IPV6]}}\n"
	const four, six = "{address: 10.0.0.1, device: eth1}", "{address: \"fd00::1\", device: eth1}"
	_, notes := parseValid(t, strings.NewReplacer("IPV4", four, "IPV6", six).Replace(text))
	assert.Empty(t, notes)
	_, notes = parseValid(t, strings.NewReplacer("IPV4, IPV6", four).Replace(text))
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0], `IPv6 real servers of cluster "a" (line 2) reply through the director (forwarding: nat), and vrrp has no IPv6 gateways`)
	assert.Contains(t, notes[0], `{address: "fd00::1", device: eth1}`)
	_, notes = parseValid(t, strings.NewReplacer("IPV4, IPV6", six).Replace(text))
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0], "vrrp has no IPv4 gateways")
	_, notes = parseValid(t, strings.NewReplacer("IPV4, IPV6", four, "ports: [80]", "ports: [80], source-nat: masquerade").Replace(text))
	assert.Empty(t, notes)
}

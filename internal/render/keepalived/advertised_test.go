package keepalived_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/internal/render/keepalived"
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

// TestDeviceNames: keepalived reads "lan#1" as "lan", and loses the rest of a file behind a
// bracket, so such devices are refused wherever the file would name them.
func TestDeviceNames(t *testing.T) {
	const text = `clusters:
- {name: a, mark: 1, vips: [198.51.100.21], vip-device: '%s', ports: [80], real-servers: [{address: 10.0.0.1}]}
director: {bind: %t, sync: {role: both, device: '%s', id: 1}, vrrp: {device: '%s', router-id: 51, priority: 150, peers: [192.0.2.2], gateways: [{address: 10.0.0.254, device: '%s'}]}}
`
	render := func(bind bool, names [4]string) error {
		_, err := keepalived.Target().Render(parse(t, fmt.Sprintf(text, names[0], bind, names[1], names[2], names[3])), render.Options{})
		return err
	}
	plain := [4]string{"wan.100", "sync_0", "eth0", "lan-1"}
	require.NoError(t, render(false, plain))
	for _, name := range []string{"lan#1", "lan!1", `lan"1`, "{", "lan}", "$lan", "@lan", `l\an`} {
		for place := range plain {
			names := plain
			names[place] = name
			assert.ErrorContains(t, render(false, names), fmt.Sprintf("keepalived.conf cannot have the device %q", name))
		}
	}
	assert.NoError(t, render(true, [4]string{"wan", "lan#1", "eth0", "lan"}), "lvsmark itself starts the sync daemons")
}

// TestNotify: the new master applies the spec that the file is rendered from.
func TestNotify(t *testing.T) {
	const text = `clusters: [{name: a, mark: 1, vips: [198.51.100.21], ports: [80], real-servers: [{address: 10.0.0.1}]}]
director: {vrrp: {device: eth0, router-id: 51, priority: 150, peers: [192.0.2.2]}}
`
	for file, command := range map[string]string{"": "apply", "/etc/lvsmark/lvsmark.yaml": "apply", "/etc/lvsmark/a.yaml": "-c /etc/lvsmark/a.yaml apply"} {
		got, err := keepalived.Target().Render(parse(t, text), render.Options{SpecFile: file})
		require.NoError(t, err)
		assert.Contains(t, got, `notify_master "/usr/bin/lvsmark `+command+"\"\n")
	}
	_, err := keepalived.Target().Render(parse(t, text), render.Options{SpecFile: "/a b.yaml"})
	assert.ErrorContains(t, err, `keepalived.conf cannot have "/a b.yaml" in a command`)
}

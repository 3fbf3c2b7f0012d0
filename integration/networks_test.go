package integration_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
)

// TestNetworks transfers files through an address of a network of VIPs, which is a local
// route. Clients reach IPv6 networks by a route: the director answers no neighbor
// solicitations for them.
func TestNetworks(t *testing.T) {
	c := newCluster(t, lab.Options{})
	_, err := c.lab.Client.Run("ip", "-6", "route", "add", "2001:db8:1::20/125", "via", lab.Outgoing(config.IPv6).String())
	require.NoError(t, err)
	c.translate = "masquerade"
	const vips, networks = `["198.51.100.21", "2001:db8:1::21"]`, `["198.51.100.16/29", 198.18.0.0/16, "2001:db8:1::20/125"]`
	require.NoError(t, c.lab.Apply(edit(t, c.spec(), vips, networks)))
	require.NoError(t, c.lab.StartFTP(21, 990))
	// In a network, the FTP servers do not know the address for PASV.
	c.run(t, slices.DeleteFunc(c.eachMode(), func(s lab.Session) bool { return s.Mode == lab.PASV }), lab.Outgoing)
}

// TestLargeNetwork connects to addresses of a network that is an interval, and to those of
// another cluster within it.
func TestLargeNetwork(t *testing.T) {
	k := newKeysLab(t, config.NAT, 2, 80)
	_, err := k.lab.Client.Run("ip", "route", "add", "198.18.0.0/16", "via", lab.Outgoing(config.IPv4).String())
	require.NoError(t, err)
	require.NoError(t, k.lab.Apply(`
clusters:
  - {name: large, mark: 7, vips: [198.18.0.0/16], vip-device: wan, ports: [80], real-servers: [{address: 10.0.0.11}]}
  - {name: inner, mark: 8, vips: [198.18.4.0/22], vip-device: wan, ports: [80], real-servers: [{address: 10.0.0.12}]}
`))
	for vip, server := range map[string]string{
		"198.18.0.0": "rs1", "198.18.3.255": "rs1", "198.18.4.0": "rs2", "198.18.7.255": "rs2", "198.18.8.0": "rs1", "198.18.255.255": "rs1",
	} {
		assert.Equal(t, server, k.mustConnect(netip.MustParseAddr(vip), 80, k.client()).server, vip)
	}
	output, err := k.lab.Lvsmark("delete")
	require.NoError(t, err)
	assert.Zero(t, output.Status, output.Text)
	assert.NotContains(t, k.director("ip", "route", "show", "table", "local"), "198.18.")
}

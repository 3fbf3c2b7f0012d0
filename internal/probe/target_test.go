package probe

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

const targetSpec = `
clusters:
  - name: ftp
    mark: 21
    vips: ["2001:db8::21", 198.51.100.32/28, 198.51.100.21]
    ftp: {control-ports: [990, 2121], passive-ports: [10000-10999, 30000]}
    real-servers:
      - {name: rs1, address: 10.0.0.11}
      - {name: rs2, address: 10.0.0.12, forwarding: direct}
      - {address: "fd00::11"}
`

func parseCluster(t *testing.T, text string) *config.Cluster {
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(text))
	require.NoError(t, err)
	return &spec.Clusters[0]
}

func TestControlPort(t *testing.T) {
	c := parseCluster(t, targetSpec)
	for security, want := range map[TLS]uint16{NoTLS: 2121, Explicit: 2121, Implicit: 990} {
		port, err := ControlPort(c.FTP, security)
		require.NoError(t, err)
		assert.Equal(t, want, port, security)
	}
	_, err := ControlPort(&config.FTP{ControlPorts: []uint16{21}}, Implicit)
	assert.EqualError(t, err, "implicit TLS uses port 990, which is not in control-ports")
	_, err = ControlPort(&config.FTP{ControlPorts: []uint16{990}}, Explicit)
	assert.EqualError(t, err, "control-ports has only port 990, which is for implicit TLS")
}

func TestVIPTargets(t *testing.T) {
	c := parseCluster(t, targetSpec)
	targets := VIPTargets(c, 21)
	require.Len(t, targets, 2)
	assert.Equal(t, "198.51.100.32:21", targets[0].Control.String())
	assert.Equal(t, "198.51.100.32", targets[0].ServerName)
	assert.Equal(t, "[2001:db8::21]:21", targets[1].Control.String())
	for _, target := range targets {
		assert.Empty(t, target.RealServer)
		assert.Equal(t, c.VIPsOf(target.Family()), target.passiveAddresses)
		assert.Equal(t, c.FTP.PassivePorts, target.passivePorts)
		assert.Nil(t, target.activePorts, "the director may change the port")
	}
}

func TestServerTargets(t *testing.T) {
	c := parseCluster(t, targetSpec)
	vips := c.VIPsOf(config.IPv4)
	own := config.SingleAddress(netip.MustParseAddr("10.0.0.12"))
	for name, want := range map[string]Target{
		"rs1":        {RealServer: "rs1", ServerName: "198.51.100.32", passiveAddresses: vips, activePorts: []uint16{20}},
		"10.0.0.12":  {RealServer: "rs2", ServerName: "198.51.100.32", passiveAddresses: append(vips, own), activePorts: []uint16{20, 989}},
		"FD00:0::11": {RealServer: "fd00::11", ServerName: "2001:db8::21", passiveAddresses: c.VIPsOf(config.IPv6), activePorts: []uint16{20}},
	} {
		targets := ServerTargets(c, name, 2121)
		require.Len(t, targets, 1, name)
		got := targets[0]
		assert.Equal(t, uint16(2121), got.Control.Port())
		assert.Equal(t, want.RealServer, got.RealServer)
		assert.Equal(t, want.ServerName, got.ServerName)
		assert.Equal(t, want.passiveAddresses, got.passiveAddresses, name)
		assert.ElementsMatch(t, want.activePorts, got.activePorts, name)
	}
	assert.Empty(t, ServerTargets(c, "rs3", 21))

	// What is not translated may come from any port; with direct, the director marks the ports.
	c.FTP.Active.Translate = config.NoTranslation
	assert.Nil(t, ServerTargets(c, "rs1", 21)[0].activePorts)
	assert.NotNil(t, ServerTargets(c, "rs2", 21)[0].activePorts)
}

// TestServerOfShard: a real server may use the ports of its shard only.
func TestServerOfShard(t *testing.T) {
	c := parseCluster(t, `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp: {passive-ports: 10000-19999, passive-shards: 4}
    persistence: 0
    real-servers: [{name: rs1, address: 10.0.0.11}, {name: rs2, address: 10.0.0.12}]
`)
	assert.Equal(t, []config.PortRange{{Protocol: config.TCP, Low: 12500, High: 14999}}, ServerTargets(c, "rs2", 21)[0].passivePorts)
}

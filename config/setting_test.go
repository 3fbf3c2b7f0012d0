package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

func TestSettings(t *testing.T) {
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(`
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
director:
  ipvs-timeouts: {tcp: 2h, udp: 5m}
  sysctls: {net.ipv4.vs.expire_nodest_conn: 1, net.ipv4.ip_forward: 1}
`))
	require.NoError(t, err)
	assert.Equal(t, []config.Setting{
		{Name: "ipvs.timeout.tcp", Value: "7200"},
		{Name: "ipvs.timeout.udp", Value: "300"},
		{Name: "net.ipv4.ip_forward", Value: "1"},
		{Name: "net.ipv4.vs.expire_nodest_conn", Value: "1"},
		{Name: "net.ipv6.conf.all.forwarding", Value: "1"},
	}, spec.Settings())

	spec.Director.Bind = false
	assert.NotContains(t, spec.Settings(), config.Setting{Name: "ipvs.timeout.tcp", Value: "7200"})
}

// Under direct and tunnel forwarding, clients send the replies of active data to
// the VIP, so its ports are marked too.
func TestMarkedPortsOfActiveData(t *testing.T) {
	for _, c := range []struct{ forwarding, control, want string }{
		{"nat", "[21, 990]", "[10000-20000 21 990]"},
		{"direct", "[21]", "[10000-20000 20-21]"},
		{"tunnel", "[21, 990]", "[10000-20000 20-21 989-990]"},
		{"direct", "[2121]", "[10000-20000 20 2121]"},
	} {
		spec, _, err := config.Parse("spec.yaml", strings.NewReader(
			"clusters: [{name: a, mark: 1, vips: [192.0.2.1], forwarding: "+c.forwarding+", ftp: {control-ports: "+c.control+"}, real-servers: [{address: 10.0.0.1}]}]"))
		require.NoError(t, err)
		assert.Equal(t, c.want, fmt.Sprint(spec.Clusters[0].MarkedPorts()), "%s %s", c.forwarding, c.control)
	}
}

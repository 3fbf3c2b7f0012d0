package config_test

import (
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

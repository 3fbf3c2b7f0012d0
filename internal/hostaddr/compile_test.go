package hostaddr_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

const twoClusters = `
clusters:
  - name: ftp
    mark: 21
    vips: [2001:db8::21, 198.51.100.21]
    ftp: {}
    forwarding: direct
    real-servers: [{address: 10.0.0.11}, {address: 2001:db8:1::11}]
  - name: web
    mark: 80
    vips: [198.51.100.80]
    ports: [80, 443]
    real-servers: [{address: 10.0.0.13}]
`

func TestCompile(t *testing.T) {
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(twoClusters))
	require.NoError(t, err)
	assert.Empty(t, hostaddr.Compile(spec))
	spec.Clusters[0].VIPDevice = "eth0"
	spec.Clusters[1].VIPDevice = "eth0"
	spec.Clusters[1].VIPs = spec.Clusters[0].VIPs[1:]
	assert.Equal(t, []hostaddr.Address{
		{Device: "eth0", IP: spec.Clusters[0].VIPs[0].First},
		{Device: "eth0", IP: spec.Clusters[0].VIPs[1].First},
	}, hostaddr.Compile(spec))
}

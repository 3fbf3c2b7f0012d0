package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

// TestActivePortsOfMixedClusters: answers to active data of real servers with direct carry the
// mark, also if other real servers have nat, whose ports active-data names.
func TestActivePortsOfMixedClusters(t *testing.T) {
	for active, want := range map[string]string{"": "20,21,989,990", "active-data: {ports: [20, 989]}": "20,21,989,990", "active-data: {ports: [2020]}": "20,21,989,990,2020"} {
		spec, _, err := config.Parse("spec.yaml", strings.NewReader(`
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp: {control-ports: [21, 990], passive-ports: 40000, `+active+`}
    real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12, forwarding: direct}]
`))
		require.NoError(t, err, active)
		var marked []string
		for port := range uint16(3000) {
			for _, r := range spec.Clusters[0].MarkedPorts() {
				if r.Low <= port && port <= r.High {
					marked = append(marked, config.PortRange{Protocol: config.TCP, Low: port, High: port}.Ports())
				}
			}
		}
		assert.Equal(t, want, strings.Join(marked, ","), active)
	}
}

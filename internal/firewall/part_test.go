package firewall

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
)

// TestProfiles: bindings with the same ports are one group, unless they have only. Each bit of
// the ports counts.
func TestProfiles(t *testing.T) {
	binding := func(mark uint32, p config.Protocol, low, high uint16) config.Binding {
		return config.Binding{Cluster: &config.Cluster{}, Mark: mark, Ports: []config.PortRange{{Protocol: p, Low: low, High: high}}}
	}
	bindings := []config.Binding{binding(1, config.TCP, 1, 0xffff), binding(2, config.UDP, 1, 0xffff), binding(3, config.TCP, 0xffff, 0xffff)}
	for bit := range 15 {
		bindings = append(bindings, binding(4, config.TCP, 1|2<<bit, 0xffff), binding(5, config.TCP, 1, 0xffff&^(2<<bit)))
	}
	assert.Len(t, profilesOf(bindings), len(bindings))
	assert.Len(t, profilesOf(append(bindings, bindings...)), len(bindings))

	bindings[0].Cluster.Only = &config.Only{}
	assert.Len(t, profilesOf(append(bindings, binding(6, config.TCP, 1, 0xffff))), len(bindings)+1)
}

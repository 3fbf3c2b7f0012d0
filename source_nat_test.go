package lvsmark

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSourceNATSetsConntrack: apply turns on what source-nat needs and records the previous
// value; delete restores it. Another program may manage IPVS.
func TestSourceNATSetsConntrack(t *testing.T) {
	const sysctl = "net.ipv4.vs.conntrack"
	const unbound = "clusters: [{name: web, mark: 80, vips: [198.51.100.80], ports: [80], source-nat: snat, real-servers: [{address: 10.0.0.12}]}]\ndirector: {bind: false}\n"
	for _, spec := range []string{hooksSpec, unbound} {
		w := newFakeWorld(t)
		w.applied(spec)
		value, err := w.ReadSetting(sysctl)
		require.NoError(t, err)
		assert.Equal(t, "1", value)
		w.settled(spec)
		w.applied("")
		value, err = w.ReadSetting(sysctl)
		require.NoError(t, err)
		assert.Equal(t, "0", value)
	}
}

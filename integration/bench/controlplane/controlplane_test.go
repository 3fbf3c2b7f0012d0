package controlplane

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{1: "1", 999: "999", 1000: "1,000", 10_001: "10,001", 1_000_000: "1,000,000"} {
		assert.Equal(t, want, grouped(n))
	}
}

// TestSite: the spec is valid, and has as many VIPs, clusters and rules of the
// recipe as asked for.
func TestSite(t *testing.T) {
	b := &bench{directory: t.TempDir()}
	s, err := b.site(shape{4, 12, 3})
	require.NoError(t, err)
	require.Len(t, s.spec.Clusters, 4)
	vips := 0
	for _, c := range s.spec.Clusters {
		vips += len(c.VIPs)
		assert.Len(t, c.RealServers, 3)
		for _, vip := range c.VIPs {
			assert.Equal(t, c.Mark, s.marks[vip.String()])
		}
	}
	assert.Equal(t, 12, vips)
	assert.Equal(t, 2*12+4*3, s.rules)
}

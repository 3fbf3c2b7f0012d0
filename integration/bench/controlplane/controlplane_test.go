package controlplane

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
)

// TestSite: the spec is valid, and has the requested number of VIPs, clusters and rules
// of the recipe.
func TestSite(t *testing.T) {
	b := &bench{directory: t.TempDir()}
	s, err := b.site(shape{clusters: 4, vips: 12, servers: 3})
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

	assert.Empty(t, s.spec.Clusters[0].VIPDevice)

	onDevice, err := b.site(shape{clusters: 4, vips: 12, servers: 3, onDevice: true})
	require.NoError(t, err)
	require.NotEqual(t, s.yaml, onDevice.yaml)
	for _, c := range onDevice.spec.Clusters {
		assert.Equal(t, device, c.VIPDevice)
	}

	others, err := b.site(shape{clusters: 4, vips: 12, servers: 3, others: true})
	require.NoError(t, err)
	require.NotEqual(t, s.yaml, others.yaml)
	for i, c := range others.spec.Clusters {
		assert.Equal(t, s.spec.Clusters[i].VIPs, c.VIPs)
		assert.NotEqual(t, s.spec.Clusters[i].Mark, c.Mark)
		for k, server := range c.RealServers {
			assert.NotEqual(t, s.spec.Clusters[i].RealServers[k].Address, server.Address)
		}
	}
}

// TestVerifies: the checks of a contender's result report errors.
func TestVerifies(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "ip", "nft", "iptables-legacy", "iptables-legacy-restore", "iptables-legacy-save")
	b := &bench{directory: t.TempDir()}
	t.Cleanup(b.close)
	loaded, err := b.site(shape{clusters: 2, vips: 8, servers: 1})
	require.NoError(t, err)
	other, err := b.site(shape{clusters: 1, vips: 8, servers: 1})
	require.NoError(t, err)
	d, err := b.director()
	require.NoError(t, err)
	require.NoError(t, d.checkListing(""))

	require.NoError(t, d.run("nft", "-f", loaded.nft))
	require.NoError(t, d.checkMarks(loaded))
	require.Error(t, d.checkMarks(other), "other marks")
	require.Error(t, d.checkListing(""))

	require.NoError(t, d.run("iptables-legacy-restore", "-w", "--noflush", loaded.recipe))
	require.NoError(t, d.checkRules(loaded, "iptables-legacy-save"))
	require.Error(t, d.checkRules(other, "iptables-legacy-save"))
	require.NoError(t, d.clearLegacy())
	require.Error(t, d.checkRules(loaded, "iptables-legacy-save"))

	require.NoError(t, d.clear())
	require.NoError(t, d.checkListing(""))

	require.NoError(t, d.run("ip", "link", "add", device, "type", "veth", "peer", "name", "vip1"))
	require.NoError(t, d.checkAddresses(0))
	require.NoError(t, d.run("ip", "-batch", loaded.batch))
	require.NoError(t, d.checkAddresses(8))
	require.Error(t, d.checkAddresses(7))
}

// TestReplay: a replayed batch creates the same ruleset, and a batch that the kernel
// refuses is an error.
func TestReplay(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	b := &bench{directory: t.TempDir()}
	t.Cleanup(b.close)
	s, err := b.site(shape{clusters: 4, vips: 4000, servers: 2})
	require.NoError(t, err)
	d, err := b.director()
	require.NoError(t, err)
	require.NoError(t, d.run("nft", "-f", s.nft))
	listed, err := d.list()
	require.NoError(t, err)
	batch, err := d.batch()
	require.NoError(t, err)

	require.NoError(t, d.clear())
	took, err := d.replay(batch)
	require.NoError(t, err)
	assert.Positive(t, took)
	require.NoError(t, d.checkListing(listed))

	require.NoError(t, d.clear())
	_, err = d.replay(bytes.Replace(batch, []byte("lvsmark\x00"), []byte("another\x00"), 1))
	require.ErrorIs(t, err, unix.ENOENT, "the table of the chains does not exist")
	require.NoError(t, d.checkListing(""))
}

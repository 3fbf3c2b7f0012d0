package equivalence

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
)

// TestNaive sends packets of many random specs through lvsmark's tables, and then
// through equivalent simple rules: both must set the same mark. Each packet has a mark
// before, which it keeps if it belongs to no cluster.
func TestNaive(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	t.Parallel()
	const before = "0x50000005"
	site := newSite(t)
	require.NoError(t, site.Load(`table inet before {
	chain marking {
		type filter hook prerouting priority raw; policy accept;
		meta mark set `+before+`
	}
}
`))
	marked, packetsSent, inShards := 0, 0, 0
	for i := range cases(200) {
		seed, r := random(i)
		spec := specgen.Spec(r)
		packets := Probes(r, spec)
		byLVSMark := Observer{Name: "by_lvsmark", Priority: afterMangle, Then: "meta mark set " + before, Size: len(packets)}
		byHand := Observer{Name: "by_hand", Priority: afterMangle + 2, Then: "drop", Size: len(packets)}

		require.NoError(t, site.Commit(spec), "%s\n%s", seed, specgen.YAML(spec))
		require.NoError(t, site.Load(byLVSMark.Text()+Naive(spec, "hand", afterMangle+1)+byHand.Text()))
		sights, err := site.Observe(packets, byLVSMark, byHand)
		require.NoError(t, err, "%s\n%s", seed, specgen.YAML(spec))
		assertSame(t, sights[1], sights[0])
		if t.Failed() {
			t.Fatalf("%s\n%s", seed, specgen.YAML(spec))
		}
		for mark, n := range sights[0].Count() {
			if mark != 0x50000005 {
				marked += n
			}
			if isShardMark(spec, mark) {
				inShards += n
			}
		}
		packetsSent += len(packets)
	}
	t.Logf("%d packets, %d of them marked, %d with the mark of a shard", packetsSent, marked, inShards)
	assert.Greater(t, inShards, packetsSent/1000, "packets with the mark of a shard")
	assert.Greater(t, marked, packetsSent/20, "packets that were marked")
	assert.Less(t, marked, packetsSent/2, "packets that were marked")
	require.NoError(t, site.Commit(&config.Spec{}))
}

func isShardMark(spec *config.Spec, mark uint32) bool {
	return slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool { return c.Mark != mark && slices.Contains(c.Marks(), mark) })
}

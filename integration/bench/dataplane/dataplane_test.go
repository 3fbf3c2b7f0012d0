package dataplane

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/bench/packets"
	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestVerification: verify reports a wrong mark, and a mark on a packet that must have
// none.
func TestVerification(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	need.Kernel(t, 5, 18)
	g, err := packets.New(false)
	require.NoError(t, err)
	defer func() { require.NoError(t, g.Close()) }()
	for _, f := range config.Families() {
		t.Run(f.String(), func(t *testing.T) { verifies(t, g, site{family: f, vips: 3, profiles: 1}) })
	}
}

func verifies(t *testing.T, g *packets.Generator, s site) {
	t.Helper()
	d, err := newDirector(s)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	require.NoError(t, nftFloor.prepare(d, ""))

	require.NoError(t, d.verify(g, nftFloor.want(s)))
	ours, others := s.data(0), foreignAddress.alter(s.data(0))
	err = d.verify(g, map[equivalence.Packet]uint32{ours: s.mark(0)})
	require.ErrorContains(t, err, "has mark 0x15, want 0x3e8")
	err = d.verify(g, map[equivalence.Packet]uint32{others: 0})
	require.ErrorContains(t, err, "has mark 0x15, want 0x0")
}

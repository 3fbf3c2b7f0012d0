package dataplane

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/packets"
	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestSmoke: every peer marks right, and there is a figure for everything. It
// asks for no figure.
func TestSmoke(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft", "ipset", "iptables-legacy-restore", "iptables-nft-restore")
	need.Kernel(t, 5, 18)
	opts := measure.Options{Smoke: true, Lvsmark: newProgram(t), Log: t.Logf}
	rows, err := Run(opts)
	require.NoError(t, err)
	assert.Len(t, rows, len(sizesOf(opts).comparisons()))
	names := map[string]bool{}
	for _, r := range rows {
		assert.NotZero(t, r.OfMedian, r.Name)
		assert.NotZero(t, r.ToMedian, r.Name)
		assert.False(t, names[r.Name], "%s: twice", r.Name)
		names[r.Name] = true
	}
}

// TestVerification finds a wrong mark, and one where none should be.
func TestVerification(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	need.Kernel(t, 5, 18)
	g, err := packets.New(false)
	require.NoError(t, err)
	defer func() { require.NoError(t, g.Close()) }()
	s := site{3, 1}
	d, err := newDirector(s)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	require.NoError(t, nftFloor.prepare(d, ""))

	require.NoError(t, d.verify(g, nftFloor.want(s)))
	ours, others := s.data(0), foreignAddress.alter(s.data(0))
	err = d.verify(g, map[equivalence.Packet]uint32{ours: s.mark(0)})
	require.ErrorContains(t, err, "came out with mark 0x15, and should with 0x3e8")
	err = d.verify(g, map[equivalence.Packet]uint32{others: 0})
	require.ErrorContains(t, err, "came out with mark 0x15, and should with 0x0")
}

// newProgram builds lvsmark, unless LVSMARK_BIN names one that is there.
func newProgram(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("LVSMARK_BIN"); path != "" {
		return path
	}
	need.Programs(t, "go")
	path := filepath.Join(t.TempDir(), "lvsmark")
	out, err := exec.Command("go", "build", "-o", path, "github.com/lvsmark/lvsmark/cmd/lvsmark").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

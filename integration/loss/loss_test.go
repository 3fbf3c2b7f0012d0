package main

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
)

// TestMain runs the sender in the test binary, as main does.
func TestMain(m *testing.M) {
	if isSender(os.Args) {
		os.Exit(sender(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// TestNoPacketLost is the short form of `integration/run loss`: it requires packets
// during each re-apply, but no rate and no total.
func TestNoPacketLost(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "ip", "nft")
	if runtime.NumCPU() < 2 {
		// Setup cannot add a processor, so this is never a failure.
		t.Skip("needs two processors: one sends while another applies")
	}
	cpu, err := reserveSenderCPU()
	require.NoError(t, err)
	const reapplies = 6
	for _, k := range append(kinds(need.Lvsmark(t)), controls()...) {
		t.Run(k.name, func(t *testing.T) {
			row, err := k.run(t.Context(), Load{CPU: cpu}, reapplies)
			require.NoError(t, err)
			t.Log(row)
			assert.Empty(t, row.failure(reapplies))
		})
	}
}

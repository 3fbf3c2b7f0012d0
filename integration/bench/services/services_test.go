package services_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/services"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestSmoke runs at small sizes: all contenders work, and their results in the kernel
// are correct.
func TestSmoke(t *testing.T) {
	need.IPVS(t)
	need.NFTables(t)
	need.Programs(t, "ip", "ipvsadm")
	opts := measure.Options{Lvsmark: lvsmark(t), Smoke: true, Rounds: 1, Log: t.Logf}
	names := map[string]bool{}
	for _, section := range []func(measure.Options) ([]measure.Row, error){services.Run, services.Large} {
		rows, err := section(opts)
		require.NoError(t, err)
		require.Len(t, rows, 12)
		for _, row := range rows {
			assert.False(t, names[row.Name], "two rows %q", row.Name)
			names[row.Name] = true
			assert.Equal(t, 1, row.Rounds, row.Name)
			assert.Positive(t, row.Median, row.Name)
		}
	}
}

// lvsmark returns the path of lvsmark: $LVSMARK_BIN, or a binary that it builds.
func lvsmark(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("LVSMARK_BIN"); path != "" {
		return path
	}
	need.Programs(t, "go")
	path := filepath.Join(t.TempDir(), "lvsmark")
	cmd := exec.Command("go", "build", "-o", path, "github.com/lvsmark/lvsmark/cmd/lvsmark")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

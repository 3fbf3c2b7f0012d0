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

// TestSmoke measures in small: all contenders work, and what they leave in the
// kernel is what it should be.
func TestSmoke(t *testing.T) {
	need.IPVS(t)
	need.NFTables(t)
	need.Programs(t, "ip", "ipvsadm")
	opts := measure.Options{Lvsmark: lvsmark(t), Smoke: true, Rounds: 1, Log: t.Logf}
	names := map[string]bool{}
	for _, section := range []func(measure.Options) ([]measure.Row, error){services.Run, services.Large} {
		rows, err := section(opts)
		require.NoError(t, err)
		require.Len(t, rows, 9)
		for _, row := range rows {
			assert.False(t, names[row.Name], "two rows %q", row.Name)
			names[row.Name] = true
			assert.Equal(t, 1, row.Rounds, row.Name)
			assert.Positive(t, row.Median, row.Name)
		}
	}
}

// lvsmark is that of $LVSMARK_BIN, or one built here.
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

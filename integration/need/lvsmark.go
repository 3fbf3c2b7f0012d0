package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Lvsmark returns the path of the program: $LVSMARK_BIN, or a binary that it builds.
func Lvsmark(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("LVSMARK_BIN"); path != "" {
		return path
	}
	Programs(t, "go")
	path := filepath.Join(t.TempDir(), "lvsmark")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/lvsmark/lvsmark/cmd/lvsmark")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, output)
	}
	return path
}

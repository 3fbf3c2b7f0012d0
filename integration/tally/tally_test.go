package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tallied runs the real `go test -json` on a module of these files, and its output
// through a tally.
func tallied(t *testing.T, files map[string]string) (*tally, string) {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.org/owner/some\n\ngo 1.26\n"
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	command := exec.CommandContext(t.Context(), "go", "test", "-json", "./...")
	command.Dir = dir
	command.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	stream, _ := command.Output() // failed tests are expected

	var out bytes.Buffer
	result := newTally(&out)
	require.NoError(t, result.read(bytes.NewReader(stream)))
	result.finish()
	return result, out.String()
}

func TestCounts(t *testing.T) {
	result, out := tallied(t, map[string]string{"some_test.go": `package some
import "testing"
func TestGood(t *testing.T) { t.Run("sub", func(*testing.T) {}) }
func TestBad(t *testing.T) { t.Log("this is why"); t.Fail() }
func TestSkipped(t *testing.T) { t.Log("more"); t.Skip("last") }
func TestSkippedAtOnce(t *testing.T) { t.Skip("needs: a reason") }
func TestSkippedSilently(t *testing.T) { t.SkipNow() }
`})
	assert.Equal(t, 2, result.passed)
	assert.Equal(t, 1, result.failed)
	assert.Equal(t, 3, result.skipped)
	assert.Contains(t, out, "FAIL example.org/owner/some TestBad\n")
	assert.Contains(t, out, "this is why")
	assert.Contains(t, out, "skip some TestSkippedAtOnce: needs: a reason\n")
	assert.Contains(t, out, "skip some TestSkipped: more\n")
	assert.Contains(t, out, "skip some TestSkippedSilently: no reason given\n")
	assert.Contains(t, out, "FAIL example.org/owner/some (1 of 6 tests, ")
	assert.NotContains(t, out, "TestGood")
}

func TestPackageThatDoesNotBuild(t *testing.T) {
	result, out := tallied(t, map[string]string{
		"broken/broken_test.go": "package broken\nvar x int = undefined\n",
		"good/good_test.go":     "package good\nimport \"testing\"\nfunc TestGood(*testing.T) {}\n",
	})
	assert.Equal(t, 1, result.passed)
	assert.Equal(t, 1, result.failed)
	assert.Contains(t, out, "undefined: undefined")
	assert.Contains(t, out, "FAIL example.org/owner/some/broken\n")
	assert.Contains(t, out, "ok   example.org/owner/some/good (1 tests, ")
}

func TestPackageThatExits(t *testing.T) {
	result, out := tallied(t, map[string]string{"some_test.go": `package some
import ("os"; "testing")
func TestExit(*testing.T) { os.Exit(3) }
`})
	assert.Zero(t, result.passed)
	assert.Equal(t, 1, result.failed)
	assert.Contains(t, out, "FAIL example.org/owner/some TestExit\n")
}

func TestTruncatedStream(t *testing.T) {
	var out bytes.Buffer
	result := newTally(&out)
	require.NoError(t, result.read(strings.NewReader(
		`{"Action":"run","Package":"p","Test":"TestHangs"}
{"Action":"output","Package":"p","Test":"TestHangs","Output":"so far\n"}
not an event
{"Action":"output","Package":"p","Te`)))
	result.finish()
	assert.Zero(t, result.passed)
	assert.Equal(t, 1, result.failed)
	assert.Contains(t, out.String(), "so far")
	assert.Contains(t, out.String(), "not an event")
}

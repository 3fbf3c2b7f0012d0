package systemd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
)

const unit = "lvsmark.service"

// root returns a root directory with the targets of the machine, the text as the
// unit, and an executable file at the path that the unit runs.
func root(t *testing.T, text string) string {
	t.Helper()
	need.Programs(t, "systemd-analyze")
	dir := t.TempDir()
	units := filepath.Join(dir, "usr/lib/systemd/system")
	require.NoError(t, os.MkdirAll(units, 0o755))
	targets, err := filepath.Glob("/lib/systemd/system/*.target")
	require.NoError(t, err)
	for _, target := range targets {
		text, err := os.ReadFile(target)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(units, filepath.Base(target)), text, 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(units, unit), []byte(text), 0o644))
	require.NoError(t, os.Symlink("usr/lib", filepath.Join(dir, "lib")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "usr/bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "usr/bin/lvsmark"), []byte("#!/bin/sh\n"), 0o755))
	return dir
}

func analyze(t *testing.T, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "systemd-analyze", args...)
	command.Env = append(os.Environ(), "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=")
	output, err := command.CombinedOutput()
	return string(output), err
}

func unitText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(unit)
	require.NoError(t, err)
	return string(text)
}

// TestVerifyDiff checks the timer and its service.
func TestVerifyDiff(t *testing.T) {
	dir := root(t, unitText(t))
	for _, name := range []string{"lvsmark-diff.service", "lvsmark-diff.timer"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "usr/lib/systemd/system", name), text, 0o644))
	}
	output, err := analyze(t, "verify", "--man=no", "--recursive-errors=no", "--root="+dir, "lvsmark-diff.timer", "lvsmark-diff.service")
	require.NoError(t, err, output)
	assert.NotContains(t, output, "lvsmark")
}

// complaints returns the lines about lvsmark's unit: systemd-analyze also complains
// about units of the distribution.
func complaints(output string) []string {
	var about []string
	for line := range strings.Lines(output) {
		if strings.Contains(line, unit) {
			about = append(about, strings.TrimSpace(line))
		}
	}
	return about
}

func TestVerify(t *testing.T) {
	output, err := analyze(t, "verify", "--man=no", "--recursive-errors=no", "--root="+root(t, unitText(t)), unit)
	require.NoError(t, err, output)
	assert.Empty(t, complaints(output), output)
}

func TestVerifyFindsMistakes(t *testing.T) {
	for _, change := range []struct{ name, from, to string }{
		{"misspelt directive", "RestartSec=", "RestartSeconds="},
		{"unknown value", "ProtectSystem=strict", "ProtectSystem=mostly"},
		{"no such program", "=/usr/bin/lvsmark", "=/usr/bin/lvsmark-of-another-name"},
	} {
		t.Run(change.name, func(t *testing.T) {
			text := unitText(t)
			broken := strings.Replace(text, change.from, change.to, 1)
			require.NotEqual(t, text, broken)
			output, _ := analyze(t, "verify", "--man=no", "--recursive-errors=no", "--root="+root(t, broken), unit)
			assert.NotEmpty(t, complaints(output), output)
		})
	}
}

// systemd 252 computes an exposure of 1.9 of 10 and rates up to 5 as "OK". Other
// versions may compute slightly different values.
func TestExposure(t *testing.T) {
	const exposure = "25" // tenths
	output, err := analyze(t, "security", "--offline=true", "--no-pager", "--threshold="+exposure, "--root="+root(t, unitText(t)), unit)
	assert.NoError(t, err, output)
}

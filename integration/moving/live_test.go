package moving_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
)

// TestLive applies random specs and imports the kernel: the imported spec has no difference
// from the kernel.
func TestLive(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm")
	dir := t.TempDir()
	netns := "lvsmark-live-" + filepath.Base(filepath.Dir(dir))
	require.NoError(t, exec.Command("ip", "netns", "add", netns).Run())
	t.Cleanup(func() { assert.NoError(t, exec.Command("ip", "netns", "del", netns).Run()) })
	require.NoError(t, exec.Command("ip", "-n", netns, "address", "add", "192.0.2.1/32", "dev", "lo").Run()) // else IPVS refuses real servers
	compared := 0
	for seed := uint64(0); compared < 12; seed++ {
		spec := plain(specgen.Spec(rand.New(rand.NewPCG(seed, 2))))
		if spec == nil {
			continue
		}
		compared++
		text := specgen.YAML(spec)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "spec.yaml"), []byte(text), 0o644))
		lvsmark(t, dir, netns, "-c", "spec.yaml", "apply")
		imported := lvsmark(t, dir, netns, "import", "--live")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "imported.yaml"), []byte(imported), 0o644))
		assert.Equal(t, "no difference\n", lvsmark(t, dir, netns, "-c", "imported.yaml", "diff"), "seed %d: %s\n%s", seed, imported, text)
		lvsmark(t, dir, netns, "delete")
	}
}

// plain returns the spec without what the kernel does not show; nil if it shows too little.
func plain(spec *config.Spec) *config.Spec {
	spec.Director.Table, spec.Director.Bind, spec.Director.Timeouts, spec.Director.Sysctls = config.DefaultTable, true, config.Timeouts{}, nil
	spec.Director.IPForward = false
	for i := range spec.Clusters {
		c := &spec.Clusters[i]
		c.VIPDevice = ""
		spec.Director.IPForward = spec.Director.IPForward || c.Forwards(config.NAT)
		if c.FTP == nil {
			continue
		}
		if !slices.Contains(c.FTP.ControlPorts, 21) && !slices.Contains(c.FTP.ControlPorts, 990) {
			return nil // rules do not tell it from other services
		}
		if c.FTP.Active != nil {
			c.FTP.Active.Translate = config.NoTranslation // clusters may share real servers
		}
	}
	return specgen.Check(spec)
}

// lvsmark returns the standard output.
func lvsmark(t *testing.T, dir, netns string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("LVSMARK_BIN"), append([]string{"--netns", netns}, arguments...)...)
	cmd.Dir = dir
	output, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() > 1 {
		require.NoError(t, err, "%v: %s", arguments, exit.Stderr)
	}
	return string(output)
}

package pages_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/page"
)

// TestTutorial executes the tutorial, which makes its own network namespaces.
func TestTutorial(t *testing.T) {
	need.IPVS(t)
	need.Root(t)
	need.Programs(t, "ip", "ipvsadm", "vsftpd", "curl", "nft")
	r := newReader(t)
	t.Cleanup(func() { _, _ = r.run(page.Command{Line: "sh lab.sh end"}) })
	execute(t, r, "docs/tutorial.md", func(string) {})
}

// TestPages executes pages whose commands need no IPVS.
func TestPages(t *testing.T) {
	for _, name := range page.OnAnyKernel() {
		t.Run(name, func(t *testing.T) {
			need.Root(t)
			need.Programs(t, "setpriv", "unshare", "ip")
			r := newReader(t)
			r.network(t)
			execute(t, r, name, func(string) {})
		})
	}
}

// A reader executes the commands of a page in a directory with its files.
type reader struct {
	t         *testing.T
	dir, path string
	netns     string // empty: that of the test
}

// network creates the network namespace of a router, with eth0 in 192.0.2.0/24.
func (r *reader) network(t *testing.T) {
	t.Helper()
	r.netns = fmt.Sprintf("lvsmark-page-%d", os.Getpid())
	for _, line := range []string{
		"netns add " + r.netns,
		"-n " + r.netns + " link add eth0 type bridge",
		"-n " + r.netns + " link set eth0 up",
		"-n " + r.netns + " address add 192.0.2.254/24 dev eth0",
	} {
		output, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", r.netns).Run() })
}

func newReader(t *testing.T) *reader {
	t.Helper()
	dir := t.TempDir()
	for parent := dir; parent != filepath.Clean(os.TempDir()); parent = filepath.Dir(parent) {
		require.NoError(t, os.Chmod(parent, 0o755)) // a command as nobody reads the files
	}
	binary, err := os.ReadFile(need.Lvsmark(t))
	require.NoError(t, err)
	bin := filepath.Join(dir, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "lvsmark"), binary, 0o755))
	return &reader{t: t, dir: dir, path: "PATH=" + bin + ":" + os.Getenv("PATH")}
}

// write writes a file of a page.
func (r *reader) write(f page.File) error {
	return os.WriteFile(filepath.Join(r.dir, f.Name), []byte(f.Text), 0o644)
}

// run runs a command line. Daemons that it leaves keep the output open, so it waits for them
// no longer than a moment.
func (r *reader) run(c page.Command) (string, error) {
	args := []string{"sh", "-c", c.Line}
	if r.netns != "" {
		args = append([]string{"ip", "netns", "exec", r.netns}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), r.path, "NO_COLOR=1")
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

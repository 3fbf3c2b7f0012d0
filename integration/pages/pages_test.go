package pages_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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
	t.Cleanup(func() { _, _ = r.run("sh lab.sh end") })
	r.read("tutorial")
}

// TestPages executes pages whose commands need no IPVS.
func TestPages(t *testing.T) {
	for _, name := range []string{"marking", "troubleshooting", "security"} {
		t.Run(name, func(t *testing.T) {
			need.Root(t)
			need.Programs(t, "setpriv", "unshare")
			newReader(t).read(name)
		})
	}
}

// A reader executes the commands of a page in a directory with its files.
type reader struct {
	t         *testing.T
	dir, path string
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
	return &reader{t, dir, "PATH=" + bin + ":" + os.Getenv("PATH")}
}

// read executes the parts of a page in order. With LVSMARK_SHOW set it prints the outputs
// instead of comparing them.
func (r *reader) read(name string) {
	r.t.Helper()
	parts, err := page.Read("../../docs/" + name + ".md")
	require.NoError(r.t, err)
	commands := 0
	for _, p := range parts {
		for _, f := range p.Files {
			require.NoError(r.t, os.WriteFile(filepath.Join(r.dir, f.Name), []byte(f.Text), 0o644))
		}
		for _, c := range p.Commands {
			commands++
			got, err := r.run(c.Line)
			if os.Getenv("LVSMARK_SHOW") != "" {
				r.t.Logf("%s, %s: %v\n$ %s\n%s", p.Origin, p.Name, err, c.Line, got)
				continue
			}
			assert.True(r.t, c.Matches(got), "%s, %s\n$ %s\nthe page has:\n%s\nbut it prints:\n%s", p.Origin, p.Name, c.Line, c.Output, got)
		}
	}
	require.NotZero(r.t, commands)
}

// run runs a command line. Daemons that it leaves keep the output open, so it waits for them
// no longer than a moment.
func (r *reader) run(line string) (string, error) {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), r.path, "NO_COLOR=1")
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

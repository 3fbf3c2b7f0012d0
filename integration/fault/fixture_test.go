//go:build linux && amd64

package fault_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netns"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/thread"
)

// A fixture is a network namespace for lvsmark that has objects of other programs too.
type fixture struct {
	t      *testing.T
	ns     string
	binary string
	specs  string // directory
	ipvs   bool   // the kernel has IPVS
}

const foreignRuleset = `table inet other {
	chain input {
		type filter hook input priority filter; policy accept;
		tcp dport 22 accept
	}
}
`

func newFixture(t *testing.T) *fixture {
	t.Helper()
	need.NFTables(t)
	need.Programs(t, "ip", "nft", "sysctl")
	w := &fixture{t: t, ns: "lvsmark-test-" + strings.ToLower(rand.Text()[:8]), binary: need.Lvsmark(t), specs: t.TempDir()}
	w.ipvs = need.HasIPVS()
	for name, text := range specs() {
		require.NoError(t, os.WriteFile(w.spec(name), []byte(text), 0o644))
	}
	out, err := exec.Command("ip", "netns", "add", w.ns).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", w.ns).Run() })
	w.run("ip", "link", "add", "vip0", "type", "veth", "peer", "name", "vip1")
	w.run("ip", "address", "add", "192.0.2.1/24", "dev", "vip0")
	w.run("ip", "link", "set", "vip0", "up")
	w.run("ip", "link", "add", "sync0", "type", "veth", "peer", "name", "sync1")
	for _, device := range []string{"sync0", "sync1"} {
		w.run("ip", "link", "set", device, "addrgenmode", "none", "up")
	}
	w.run("ip", "address", "add", "192.0.2.129/25", "dev", "sync0")
	w.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
	w.runWith(foreignRuleset, "nft", "-f", "-")
	return w
}

func (w *fixture) spec(name string) string { return filepath.Join(w.specs, name+".yaml") }

// run runs a program in the namespace and returns its output.
func (w *fixture) run(args ...string) string {
	w.t.Helper()
	return w.runWith("", args...)
}

func (w *fixture) runWith(stdin string, args ...string) string {
	w.t.Helper()
	var out []byte
	err := w.inside(func() (err error) {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err = cmd.CombinedOutput()
		return err
	})
	require.NoError(w.t, err, "%v: %s\n%s", args, out, stdin)
	return string(out)
}

// inside calls f on a thread in the namespace. Programs that f starts are in the
// namespace too; this is cheaper than `ip netns exec`.
func (w *fixture) inside(f func() error) error {
	var err error
	thread.Run(func() {
		var ns netns.NsHandle
		if ns, err = netns.GetFromName(w.ns); err == nil {
			err = errors.Join(netns.Set(ns), ns.Close())
		}
		if err == nil {
			err = f()
		}
	})
	return err
}

// command returns the command line of lvsmark for the operation.
func (w *fixture) command(do operation) []string {
	args := []string{w.binary, "--netns", w.ns}
	if do.spec != "" {
		args = append(args, "-c", w.spec(do.spec))
	}
	return append(args, do.verb...)
}

// do runs lvsmark without a fault, and returns the exit status and the output.
func (w *fixture) do(d operation) (status int, text string) {
	w.t.Helper()
	args := w.command(d)
	var output bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), output.String()
	}
	require.NoError(w.t, err)
	return 0, output.String()
}

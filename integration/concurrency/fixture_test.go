package concurrency

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
)

// A fixture is a network namespace and two specs to apply in it.
type fixture struct {
	t       *testing.T
	ns      string
	program string // path of lvsmark
	specs   []string
}

// newFixture returns a fixture whose specs bind the marks if the kernel has IPVS.
func newFixture(t *testing.T) *fixture {
	need.NFTables(t)
	need.Programs(t, "ip", "nft")
	bind := need.HasIPVS()
	if bind {
		need.Programs(t, "ipvsadm")
	}
	w := &fixture{t: t, ns: "lvsmark-test-" + strings.ToLower(rand.Text()[:8]), program: need.Lvsmark(t)}
	out, err := exec.Command("ip", "netns", "add", w.ns).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", w.ns).Run() })
	w.run("ip", "link", "set", "lo", "up")
	for _, spec := range []string{oneSpec, otherSpec} {
		if !bind {
			spec = strings.Replace(spec, "director: {", "director: {bind: false, ", 1)
		}
		path := filepath.Join(t.TempDir(), "spec.yaml")
		require.NoError(t, os.WriteFile(path, []byte(spec), 0o644))
		w.specs = append(w.specs, path)
	}
	return w
}

// The specs have only a mark, its VIP and the table's name in common.
const (
	oneSpec = `clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ftp: , real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}, {address: "fd00::11"}]}
  - {name: web, mark: 80, vips: [198.51.100.80], ports: [80, 443], scheduler: rr, real-servers: [{address: 10.0.0.13}]}
director: {sysctls: {net.ipv4.ip_default_ttl: 63}}
`
	otherSpec = `clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21], ftp: {control-ports: [21, 990], passive-ports: 20000-30000}, scheduler: rr, real-servers: [{address: 10.0.0.12, weight: 5}, {address: 10.0.0.14}]}
  - {name: mail, mark: 25, vips: [198.51.100.25], ports: [25, 587], real-servers: [{address: 10.0.0.15}]}
  - {name: dns, mark: 53, vips: ["2001:db8::53"], ports: [53, udp/53], real-servers: [{address: "fd00::53"}]}
director: {sysctls: {net.ipv4.ip_default_ttl: 62}}
`
)

// run runs a program in the namespace.
func (w *fixture) run(args ...string) {
	w.t.Helper()
	out, err := w.command(args...).CombinedOutput()
	require.NoError(w.t, err, "%v: %s", args, out)
}

func (w *fixture) command(args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", w.ns}, args...)...)
}

// An outcome is the exit status and the output of lvsmark.
type outcome struct {
	status int
	stdout string
	stderr string
}

func (w *fixture) lvsmark(spec string, verb ...string) (o outcome, err error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(w.program, append([]string{"-c", spec, "--netns", w.ns}, verb...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		o.status, err = exit.ExitCode(), nil
	}
	o.stdout, o.stderr = stdout.String(), stderr.String()
	return o, err
}

// do runs lvsmark and requires that it runs; any exit status is allowed.
func (w *fixture) do(spec string, verb ...string) outcome {
	w.t.Helper()
	o, err := w.lvsmark(spec, verb...)
	require.NoError(w.t, err)
	return o
}

// matches reports whether the kernel matches the spec exactly.
func (w *fixture) matches(spec string) bool {
	w.t.Helper()
	o := w.do(spec, "diff")
	require.NotEqual(w.t, 2, o.status, o.stderr)
	return o.status == 0
}

// checkOutcome checks that an apply succeeded, or refused with a message about the
// other process and no partial change.
func (w *fixture) checkOutcome(o outcome) {
	w.t.Helper()
	if o.status == 0 {
		return
	}
	assert.Equal(w.t, 2, o.status, o.stderr)
	assert.Regexp(w.t, refusals, o.stderr)
	assert.NotContains(w.t, o.stderr, "NOT all could be undone")
}

// refusals are the messages about another process.
const refusals = `another lvsmark is changing this network namespace: pid \d+, apply, since` +
	`|the nftables ruleset was changed by another process` +
	`|the nftables ruleset changed during the read` +
	`|applied, but another process changed lvsmark's tables or services at the same time` +
	`|another process has (added|deleted) it` +
	`|IPVS service is not lvsmark's`

// checkConverges checks that one apply is enough when no other process writes.
func (w *fixture) checkConverges() {
	w.t.Helper()
	o := w.do(w.specs[0], "apply", "--adopt")
	assert.Equal(w.t, 0, o.status, o.stderr)
	assert.True(w.t, w.matches(w.specs[0]), "no difference")
}

// applyCount returns the number of applies of a test. It is small with -short:
// emulation is slow.
func applyCount() int {
	if testing.Short() {
		return 2
	}
	return 30
}

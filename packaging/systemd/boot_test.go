package systemd_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/systemd"
)

const spec = `clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    vip-device: eth0
    ftp: {}
    real-servers: [{address: 10.0.0.11}]
`

// jobTimeout limits the time of a boot or a job, also on an emulated machine.
const jobTimeout = 2 * time.Minute

// A machine is a running systemd with the unit and the distribution's own
// nftables.service.
type machine struct {
	t   *testing.T
	dir string
	pid string // of systemd
}

func boot(t *testing.T) *machine {
	t.Helper()
	need.IPVS(t)
	need.Programs(t, "unshare", "nsenter", "ip", "nft", "ipvsadm", "systemctl", "/lib/systemd/systemd")
	m := &machine{t: t, dir: t.TempDir()}
	m.prepare()
	cgroup := systemd.Cgroup(t)

	var console bytes.Buffer
	command := exec.Command("testdata/boot", filepath.Join(cgroup, "machine"), m.dir)
	command.Stdout, command.Stderr = &console, &console
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill() // --kill-child: systemd and all its processes end too
		_ = command.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(m.dir, "log"))
			t.Logf("console:\n%s\nlog of the units:\n%s", console.String(), log)
		}
	})
	children := fmt.Sprintf("/proc/%d/task/%[1]d/children", command.Process.Pid)
	m.eventually("systemd runs", func() bool {
		text, _ := os.ReadFile(children)
		m.pid = strings.TrimSpace(string(text))
		return m.pid != "" && m.systemctl("is-active", "boot.target") == nil
	})
	return m
}

// prepare writes the files that testdata/boot reads.
func (m *machine) prepare() {
	m.t.Helper()
	for name, text := range systemd.Targets() {
		m.write("units/"+name+".target", "[Unit]\n"+text)
	}
	nftables, err := os.ReadFile("/lib/systemd/system/nftables.service")
	require.NoError(m.t, err)
	m.write("units/nftables.service", string(nftables))
	m.write("units/"+unit, strings.ReplaceAll(unitText(m.t), "/usr/bin/lvsmark", "/mnt/lvsmark -c /mnt/lvsmark.yaml"))
	log := filepath.Join(m.dir, "log")
	m.write("units/"+unit+".d/log.conf", fmt.Sprintf("[Service]\nStandardOutput=append:%s\nStandardError=append:%[1]s\n", log))
	for _, name := range []string{"lvsmark-diff.service", "lvsmark-diff.timer"} {
		text, err := os.ReadFile(name)
		require.NoError(m.t, err)
		m.write("units/"+name, strings.ReplaceAll(string(text), "/usr/bin/lvsmark", "/mnt/lvsmark -c /mnt/lvsmark.yaml"))
	}
	m.write("lvsmark.yaml", spec)
	m.write("nftables.conf", "flush ruleset\ntable inet firewall\n")
	text, err := os.ReadFile(need.Lvsmark(m.t))
	require.NoError(m.t, err)
	require.NoError(m.t, os.WriteFile(filepath.Join(m.dir, "lvsmark"), text, 0o755))
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(m.t, os.WriteFile(path, []byte(text), 0o644))
}

// run runs a program in the machine.
func (m *machine) run(args ...string) (string, error) {
	command := exec.Command("nsenter", append([]string{"--target", m.pid, "--all"}, args...)...)
	command.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH=/etc/systemd/system:"+m.dir+"/units")
	output, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, output)
	}
	return string(output), err
}

func (m *machine) systemctl(args ...string) error {
	_, err := m.run(append([]string{"systemctl"}, args...)...)
	return err
}

func (m *machine) eventually(what string, holds func() bool) {
	m.t.Helper()
	for end := time.Now().Add(jobTimeout); !holds(); time.Sleep(100 * time.Millisecond) {
		require.True(m.t, time.Now().Before(end), "%s: not within %s", what, jobTimeout)
	}
}

// do runs systemctl and waits for the jobs that it starts.
func (m *machine) do(args ...string) {
	m.t.Helper()
	require.NoError(m.t, m.systemctl(args...))
	m.eventually("no job is left", func() bool {
		jobs, err := m.run("systemctl", "list-jobs", "--no-legend")
		return err == nil && !strings.Contains(jobs, ".service")
	})
}

// served asserts that the kernel matches the spec.
func (m *machine) served() {
	m.t.Helper()
	diff, err := m.run("/mnt/lvsmark", "-c", "/mnt/lvsmark.yaml", "diff")
	assert.NoError(m.t, err, diff)
	for _, see := range []struct{ want, command string }{
		{"198.51.100.21 : 0x00000015", "nft list table ip lvsmark"},
		{"-a -f 21 -r 10.0.0.11:0 -m -w 1\n", "ipvsadm -Sn"},
		{"198.51.100.21/32", "ip address show dev eth0"},
	} {
		output, err := m.run(strings.Fields(see.command)...)
		assert.NoError(m.t, err)
		assert.Contains(m.t, output, see.want)
	}
}

// TestBoot runs the unit with its sandbox under a real systemd, together with the
// distribution's nftables.service, which flushes the ruleset on each restart and
// reload.
func TestBoot(t *testing.T) {
	m := boot(t)
	m.do("enable", "lvsmark", "nftables")

	m.do("start", "nftables")
	m.served()
	for _, verb := range []string{"restart", "reload"} {
		_, err := m.run("nft", "add", "table", "ip", "witness")
		require.NoError(t, err)
		m.do(verb, "nftables")
		tables, err := m.run("nft", "list", "tables")
		require.NoError(t, err)
		assert.NotContains(t, tables, "witness", "%s flushes the ruleset", verb)
		m.served()
	}

	m.do("stop", "nftables")
	assert.Error(t, m.systemctl("is-active", "lvsmark"), "without its tables the unit is not active")
	m.do("start", "nftables")
	m.served()

	m.do("stop", "lvsmark")
	m.served()
}

// TestBootWithoutDevice adds the device after the first attempt.
func TestBootWithoutDevice(t *testing.T) {
	m := boot(t)
	_, err := m.run("ip", "link", "delete", "eth0")
	require.NoError(t, err)
	assert.Error(t, m.systemctl("start", "lvsmark"))
	services, err := m.run("ipvsadm", "-Sn")
	require.NoError(t, err)
	assert.Empty(t, services)

	_, err = m.run("ip", "link", "add", "eth0", "type", "dummy")
	require.NoError(t, err)
	m.eventually("the unit is active", func() bool { return m.systemctl("is-active", "lvsmark") == nil })
	m.served()
}

// TestBootDiff runs the comparison of the timer in its sandbox, without and with a difference.
func TestBootDiff(t *testing.T) {
	m := boot(t)
	m.do("start", "lvsmark")
	m.do("start", "lvsmark-diff.timer")
	for _, see := range []struct{ command, metric, result string }{
		{"true", "lvsmark_in_sync 1.0", ": no difference"},
		{"ipvsadm -e -f 21 -r 10.0.0.11:0 -m -w 3", "lvsmark_in_sync 0.0", ": 1 difference"},
	} {
		_, err := m.run(strings.Fields(see.command)...)
		require.NoError(t, err)
		m.do("start", "lvsmark-diff.service")
		metrics, err := m.run("cat", "/run/lvsmark/lvsmark.prom")
		require.NoError(t, err)
		assert.Contains(t, metrics, "\n"+see.metric+"\n")
		text, _ := m.run("/mnt/lvsmark", "-c", "/mnt/lvsmark.yaml", "status")
		assert.Regexp(t, `(?m)^lvsmark-diff.timer, .*`+see.result+"$", text)
	}
	assert.NoError(t, m.systemctl("is-active", "lvsmark-diff.timer"))
}

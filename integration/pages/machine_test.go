package pages_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/page"
	"github.com/lvsmark/lvsmark/integration/systemd"
)

// bootTimeout limits the boot of systemd, also on an emulated machine.
const bootTimeout = 10 * time.Minute

// A machine is the director of a lab with FTP servers, on which a systemd runs with the units
// of the packages and the distribution's nftables.service and keepalived.service.
type machine struct {
	t   *testing.T
	lab *lab.Lab
	dir string // of the files of a page
	pid string // of systemd
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	need.IPVS(t)
	need.Programs(t, "unshare", "nsenter", "ip", "nft", "iptables", "ipvsadm", "keepalived", "vsftpd", "curl", "systemctl", "/lib/systemd/systemd")
	m := &machine{t: t, lab: lab.New(t, lab.Options{Families: []config.Family{config.IPv4}}), dir: t.TempDir()}
	require.NoError(t, m.lab.WriteSpec(pageSpec(t, "docs/operations.md")))
	require.NoError(t, m.lab.StartFTP(21))
	trust, err := os.ReadFile(filepath.Join(m.lab.Dir, "trust.pem"))
	require.NoError(t, err)
	require.NoError(t, m.write(page.File{Name: "trust.pem", Text: string(trust)}))
	m.prepare()
	m.boot()
	return m
}

// pageSpec returns the spec at the beginning of a page.
func pageSpec(t *testing.T, name string) string {
	t.Helper()
	parts, err := page.Read("../../" + name)
	require.NoError(t, err)
	for _, p := range parts {
		for _, f := range p.Files {
			if filepath.Base(f.Name) == "lvsmark.yaml" {
				return f.Text
			}
		}
	}
	require.Fail(t, "no spec in the page", name)
	return ""
}

// prepare writes what testdata/director reads, and links the directory packaging.
func (m *machine) prepare() {
	m.t.Helper()
	packaging, err := filepath.Abs("../../packaging")
	require.NoError(m.t, err)
	require.NoError(m.t, os.Symlink(packaging, filepath.Join(m.dir, "packaging")))
	units := filepath.Join(m.dir, "units")
	require.NoError(m.t, os.Mkdir(units, 0o755))
	for name, text := range systemd.Targets() {
		require.NoError(m.t, os.WriteFile(filepath.Join(units, name+".target"), []byte("[Unit]\n"+text), 0o644))
	}
	ours, err := filepath.Glob(packaging + "/systemd/lvsmark*")
	require.NoError(m.t, err)
	for _, from := range append(ours, "/lib/systemd/system/nftables.service", "/lib/systemd/system/keepalived.service") {
		text, err := os.ReadFile(from)
		require.NoError(m.t, err)
		require.NoError(m.t, os.WriteFile(filepath.Join(units, filepath.Base(from)), text, 0o644))
	}
	binary, err := os.ReadFile(need.Lvsmark(m.t))
	require.NoError(m.t, err)
	require.NoError(m.t, os.WriteFile(filepath.Join(m.dir, "lvsmark"), binary, 0o755))
}

func (m *machine) boot() {
	m.t.Helper()
	cgroup := systemd.Cgroup(m.t)
	script, err := filepath.Abs("testdata/director")
	require.NoError(m.t, err)
	var console bytes.Buffer
	command := exec.Command(script, filepath.Join(cgroup, "machine"), m.dir, m.lab.Director.NetNS)
	command.Stdout, command.Stderr = &console, &console
	if os.Getenv("LVSMARK_SHOW") != "" {
		command.Stdout, command.Stderr = os.Stderr, os.Stderr
	}
	require.NoError(m.t, command.Start())
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	m.t.Cleanup(func() {
		_ = command.Process.Kill() // --kill-child: systemd and all its processes end too
		<-ended
		if m.t.Failed() {
			m.t.Logf("console:\n%s", console.String())
		}
	})
	m.await(command.Process.Pid, ended)
}

// await waits until systemd, the child of unshare, has booted.
func (m *machine) await(parent int, ended chan error) {
	m.t.Helper()
	for end := time.Now().Add(bootTimeout); ; time.Sleep(100 * time.Millisecond) {
		require.True(m.t, time.Now().Before(end), "systemd does not run after %s", bootTimeout)
		select {
		case err := <-ended:
			close(ended)
			require.Fail(m.t, "systemd has ended", "%v", err)
		default:
		}
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", parent))
		if m.pid = strings.TrimSpace(string(text)); m.pid == "" {
			continue
		}
		if _, err := m.run(page.Command{Line: "systemctl is-active --quiet boot.target"}); err == nil {
			return
		}
	}
}

// commandTimeout limits a command of a page, also on an emulated machine.
const commandTimeout = 5 * time.Minute

// run runs a command on the director, or in the network namespace of the host that its prompt
// names. Daemons that it leaves keep the output open, so it waits for them no longer than a
// moment.
func (m *machine) run(c page.Command) (string, error) {
	line := fmt.Sprintf("cd %s && %s", m.dir, c.Line)
	args := []string{"nsenter", "--target", m.pid, "--all", "sh", "-c", line}
	if c.Host != "" {
		args = []string{"ip", "netns", "exec", strings.TrimSuffix(m.lab.Director.NetNS, m.lab.Director.Name) + c.Host, "sh", "-c", line}
	}
	ctx, cancel := context.WithTimeout(m.t.Context(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+m.dir+":"+os.Getenv("PATH"), "NO_COLOR=1", "SYSTEMD_PAGER=", "SYSTEMD_UNIT_PATH=/etc/systemd/system:"+m.dir+"/units")
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) { // a daemon has the output
		err = nil
	}
	return out.String(), err
}

// write writes a file of a page, below the directory of the page or at an absolute path.
func (m *machine) write(f page.File) error {
	if !filepath.IsAbs(f.Name) {
		return os.WriteFile(filepath.Join(m.dir, f.Name), []byte(f.Text), 0o644)
	}
	cmd := exec.CommandContext(m.t.Context(), "nsenter", "--target", m.pid, "--all", "sh", "-c", `mkdir -p "${1%/*}" && cat >"$1"`, "sh", f.Name)
	cmd.Stdin = strings.NewReader(f.Text)
	return cmd.Run()
}

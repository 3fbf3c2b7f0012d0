package moving_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/page"
)

const movingPage = "../../docs/moving.md"

// TestMoving executes each section of the page on the director of a lab, and compares the
// output of each command with the page. After each part, FTP works. With LVSMARK_SHOW set
// it prints the outputs instead.
func TestMoving(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "iptables", "ipvsadm", "keepalived", "vsftpd", "curl", "lftp")
	parts, err := page.Read(movingPage)
	require.NoError(t, err)
	var m *mover
	for _, p := range parts {
		if m == nil || m.origin != p.Origin {
			m = newMover(t, p.Origin)
		}
		m.do(t, p)
	}
}

// A mover executes the parts of one section, with the files of all of them in one
// directory.
type mover struct {
	origin, dir, path string
	lab               *lab.Lab
}

func newMover(t *testing.T, origin string) *mover {
	t.Helper()
	l := lab.New(t, lab.Options{Families: []config.Family{config.IPv4}})
	require.NoError(t, l.WriteSpec(ftpServers))
	require.NoError(t, l.StartFTP(21))
	m := &mover{origin: origin, dir: t.TempDir(), lab: l}
	bin := t.TempDir()
	binary, err := l.Binary()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(binary, filepath.Join(bin, "lvsmark")))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "systemctl"), []byte(systemctl), 0o755))
	m.path = "PATH=" + bin + ":" + os.Getenv("PATH")
	return m
}

// ftpServers is the spec from which the lab renders the configuration of its FTP servers.
const ftpServers = `clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp: {}
    real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]
`

// systemctl takes the place of systemctl(1), which does not run in a lab: it starts and
// kills keepalived on the director with the configuration in the current directory, which has
// two real servers. It waits until keepalived serves. The parent, which is stopped first, starts no
// other process in place of a killed one.
const systemctl = `#!/bin/sh
serves() { test "$(ipvsadm -Sn 2>/dev/null | grep -c '^-a')" -eq 2; }
case "$1 $2" in
"start keepalived")
	keepalived -f "$PWD/keepalived.conf" -p "$PWD/keepalived.pid" -r "$PWD/vrrp.pid" -c "$PWD/checkers.pid" -C
	for _ in $(seq 600); do
		if serves; then exit; fi
		sleep 0.1
	done
	echo "systemctl: keepalived does not serve after a minute" >&2
	exit 1 ;;
"kill -s")
	kill -STOP $(cat "$PWD/keepalived.pid")
	kill -"$3" $(cat "$PWD"/*.pid) ;;
*) echo "systemctl $*: not in this lab" >&2; exit 1 ;;
esac
`

func (m *mover) do(t *testing.T, p page.Part) {
	t.Helper()
	for _, f := range p.Files {
		require.NoError(t, os.WriteFile(filepath.Join(m.dir, f.Name), []byte(f.Text), 0o644))
	}
	for _, c := range p.Commands {
		got := m.run(t, c.Line)
		if os.Getenv("LVSMARK_SHOW") != "" {
			t.Logf("%s, %s\n$ %s\n%s", p.Origin, p.Name, c.Line, got)
			continue
		}
		assert.True(t, c.Matches(got), "%s, %s\n$ %s\nthe page has:\n%s\nbut it prints:\n%s", p.Origin, p.Name, c.Line, c.Output, got)
	}
	m.transfer(t, p)
}

// run runs a command line on the director.
func (m *mover) run(t *testing.T, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", m.lab.Director.NetNS, "sh", "-c", line)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), m.path, "NO_COLOR=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // the output shows it
	return out.String()
}

// transfer transfers files by passive and active data connections.
func (m *mover) transfer(t *testing.T, p page.Part) {
	t.Helper()
	results, err := m.lab.Run([]lab.Session{
		{Client: lab.Curl, Family: config.IPv4, Mode: lab.EPSV, Security: lab.Plain},
		{Client: lab.Curl, Family: config.IPv4, Mode: lab.PORT, Security: lab.Plain},
	}, 1)
	require.NoError(t, err, "%s, %s", p.Origin, p.Name)
	for _, r := range results {
		assert.NoError(t, r.Err, "%s, %s, %s: %s", p.Origin, p.Name, r.Session, r.Log)
		assert.True(t, r.Complete() && r.SameServer(), "%s, %s, %s: %s", p.Origin, p.Name, r.Session, r.Log)
	}
}

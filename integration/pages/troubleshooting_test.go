package pages_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/page"
)

// A troubled is the director and a real server of a lab. It needs no IPVS.
type troubled struct {
	t   *testing.T
	lab *lab.Lab
	dir string // of the files of the page
}

// systemctl takes the place of systemctl(1) on the real server: it starts vsftpd with the
// settings of the page, and those of the lab.
const systemctl = `#!/bin/sh
[ "$*" = "restart vsftpd" ] || { echo "systemctl $*: not in this lab" >&2; exit 1; }
listens() { ss -Hltn 'sport = 21' | grep -q .; }
[ ! -f pid ] || kill "$(cat pid)"
while listens; do sleep 0.1; done
cat vsftpd.conf lab.conf >run.conf
vsftpd "$PWD/run.conf" >/dev/null 2>&1 &
echo $! >pid
until listens; do sleep 0.1; done
`

// TestTroubleshooting executes the examples of faults, and of their remedies.
func TestTroubleshooting(t *testing.T) {
	need.Root(t)
	need.Programs(t, "ip", "ss", "vsftpd")
	m := &troubled{t: t, lab: lab.New(t, lab.Options{Families: []config.Family{config.IPv4}, RealServers: 1}), dir: t.TempDir()}
	server := m.lab.Servers[0]
	binary, err := m.lab.Binary()
	require.NoError(t, err)
	bin := filepath.Join(m.dir, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	require.NoError(t, os.Symlink(binary, filepath.Join(bin, "lvsmark")))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "systemctl"), []byte(systemctl), 0o755))
	require.NoError(t, m.write(page.File{Name: "lab.conf", Text: fmt.Sprintf(
		"listen=YES\nbackground=NO\nanonymous_enable=YES\nlocal_enable=NO\nno_anon_password=YES\nisolate_network=NO\nanon_root=%s\nsecure_chroot_dir=%s\n",
		server.Dir, m.empty())}))
	execute(t, m, "docs/troubleshooting.md", func(string) {})
}

// empty returns an empty directory.
func (m *troubled) empty() string {
	dir := filepath.Join(m.dir, "empty")
	require.NoError(m.t, os.Mkdir(dir, 0o755))
	return dir
}

func (m *troubled) run(c page.Command) (string, error) {
	host := m.lab.Director
	if c.Host != "" {
		host = m.lab.Servers[0].Host
	}
	cmd := exec.CommandContext(m.t.Context(), "ip", "netns", "exec", host.NetNS, "sh", "-c", c.Line)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(m.dir, "bin")+":"+os.Getenv("PATH"), "NO_COLOR=1")
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (m *troubled) write(f page.File) error {
	return os.WriteFile(filepath.Join(m.dir, f.Name), []byte(f.Text), 0o644)
}

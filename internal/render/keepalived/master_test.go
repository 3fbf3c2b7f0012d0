package keepalived_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
)

// TestMaster: a master has each VIP and gateway of the spec, networks and ranges too, in both
// families, and on no other device. When keepalived ends, it has none.
func TestMaster(t *testing.T) {
	need.Root(t)
	need.Programs(t, "ip", "keepalived")
	if testing.Short() {
		t.Skip("an election takes three seconds")
	}
	spec := parse(t, `clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.22, 203.0.113.0/28, 198.51.100.64-198.51.100.66, "2001:db8::21", "2001:db8:5::/64", "2001:db8:6::1-2001:db8:6::6"], vip-device: eth1, ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
  - {name: web, mark: 80, vips: [198.51.100.80, 198.51.100.96/29], ports: [80], real-servers: [{address: 10.0.0.11}]}
director: {vrrp: {device: eth0, router-id: 51, priority: 150, peers: [192.0.2.2], source: 192.0.2.1, gateways: [{address: 10.0.0.1, device: eth1}, {address: "fd00::1", device: eth1}]}}
`)
	want := []string{
		"10.0.0.1 eth1", "198.51.100.22 eth1", "198.51.100.64/31 eth1", "198.51.100.66 eth1", "198.51.100.80 eth0", "198.51.100.96/29 eth0", "203.0.113.0/28 eth1",
		"2001:db8:5::/64 eth1", "2001:db8:6::1 eth1", "2001:db8:6::2/127 eth1", "2001:db8:6::4/127 eth1", "2001:db8:6::6 eth1", "2001:db8::21 eth1", "fd00::1 eth1",
	}
	text := strings.Replace(rendered(t, spec, ""), "/usr/bin/lvsmark apply", "/bin/true", 1)
	scratch.Do(t, func() {
		for _, device := range []string{"eth0", "eth1"} {
			scratch.Run(t, "", "ip", "link", "add", device, "type", "veth", "peer", "name", "peer-"+device)
			scratch.Run(t, "", "ip", "link", "set", device, "up")
			scratch.Run(t, "", "ip", "link", "set", "peer-"+device, "up")
		}
		scratch.Run(t, "", "ip", "address", "add", "192.0.2.1/24", "dev", "eth0")
		others := local(t)
		stop := startVRRP(t, text)
		moved := func() []string {
			return slices.DeleteFunc(local(t), func(line string) bool { return slices.Contains(others, line) || strings.HasPrefix(line, "fe80:") })
		}
		for end := time.Now().Add(time.Minute); len(moved()) < len(want) && time.Now().Before(end); { // on this thread
			time.Sleep(100 * time.Millisecond)
		}
		assert.ElementsMatch(t, want, moved())
		stop()
		assert.Empty(t, moved())
	})
}

// local returns the local addresses and networks of the network namespace with their devices:
// "198.51.100.64/31 eth1".
func local(t *testing.T) (list []string) {
	t.Helper()
	for _, family := range []string{"-4", "-6"} {
		for line := range strings.Lines(scratch.Run(t, "", "ip", family, "route", "show", "table", "local", "type", "local")) {
			words := strings.Fields(line)
			list = append(list, words[slices.Index(words, "dev")-1]+" "+words[slices.Index(words, "dev")+1])
		}
	}
	return list
}

// startVRRP runs the VRRP process of keepalived in the network namespace of the thread. The function
// ends it, and returns when it has removed its addresses.
func startVRRP(t *testing.T, text string) (stop func()) {
	t.Helper()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(file("conf"), []byte(text), 0o600))
	daemon := exec.Command("keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", file("conf"), "--pid", file("pid"), "--vrrp_pid", file("vrrp"))
	daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var output strings.Builder
	daemon.Stdout, daemon.Stderr = &output, &output
	require.NoError(t, daemon.Start())
	return func() {
		assert.NoError(t, daemon.Process.Signal(syscall.SIGTERM))
		_ = daemon.Wait()
		if t.Failed() {
			t.Log(&output)
		}
		assert.NotContains(t, output.String(), "Netlink: error")
	}
}

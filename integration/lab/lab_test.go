package lab_test

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func needs(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "ip", "nft", "sleep")
}

// The director reaches the real servers, and the client reaches the director. No
// host answers for the VIP before `lvsmark apply`, although real servers with direct
// forwarding have it on the client's link.
func TestLinks(t *testing.T) {
	needs(t)
	for _, forwarding := range []config.Forwarding{config.NAT, config.Direct} {
		t.Run(forwarding.String(), func(t *testing.T) {
			t.Parallel()
			l := lab.New(t, lab.Options{Forwarding: forwarding, RealServers: 3})
			require.Len(t, l.Servers, 3)
			for _, f := range config.Families() {
				for _, server := range l.Servers {
					assert.ErrorIs(t, dial(l.Director, server.Address(f)), syscall.ECONNREFUSED)
				}
				assert.ErrorIs(t, dial(l.Client, lab.Outgoing(f)), syscall.ECONNREFUSED)
				assert.ErrorIs(t, dial(l.Client, lab.VIP(f)), syscall.EHOSTUNREACH)
			}
		})
	}
}

// The hardware addresses of the bridges stay when a host leaves.
func TestBridgeAddresses(t *testing.T) {
	needs(t)
	l := lab.New(t, lab.Options{RealServers: 1})
	address := func(h *lab.Host, device string) string {
		out, err := h.Run("cat", "/sys/class/net/"+device+"/address")
		require.NoError(t, err)
		return out
	}
	client, server := address(l.Client, lab.ClientDevice), address(l.Director, lab.ServerDevice)
	for h, port := range map[*lab.Host]string{l.Client: l.Director.Port(), l.Director: l.Servers[0].Name} {
		_, err := h.Run("ip", "link", "set", port, "nomaster")
		require.NoError(t, err)
	}
	assert.Equal(t, client, address(l.Client, lab.ClientDevice))
	assert.Equal(t, server, address(l.Director, lab.ServerDevice))
}

// dial connects to a port without a listener: a reachable host refuses the
// connection.
func dial(from *lab.Host, to netip.Addr) error {
	return from.Do(func() error {
		conn, err := net.Dial("tcp", netip.AddrPortFrom(to, 7).String())
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// Connections returns incoming and outgoing connections of a host.
func TestConnections(t *testing.T) {
	needs(t)
	l := lab.New(t, lab.Options{RealServers: 1})
	server := l.Servers[0]
	var want []lab.Connection
	for _, f := range config.Families() {
		var listener net.Listener
		require.NoError(t, server.Do(func() (err error) {
			listener, err = net.Listen("tcp", netip.AddrPortFrom(server.Address(f), 0).String())
			return err
		}))
		defer listener.Close()
		require.NoError(t, server.Do(func() error {
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err == nil {
				want = append(want, lab.Connection{From: addrPort(conn.LocalAddr()), To: addrPort(conn.RemoteAddr())})
				conn.Close()
			}
			return err
		}))
	}
	in, out, err := server.Connections()
	require.NoError(t, err)
	assert.ElementsMatch(t, want, in)
	assert.ElementsMatch(t, want, out)
}

func addrPort(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

func TestCloseLeavesNothing(t *testing.T) {
	needs(t)
	l, err := lab.Open(lab.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() }) // if it fails
	_, err = l.Servers[0].Start(l.Dir+"/pid", "sh", "-c", "echo $$; exec sleep infinity")
	require.NoError(t, err)
	pid := readNumber(t, l.Dir+"/pid")
	require.NoError(t, syscall.Kill(pid, 0), "the program runs")
	_, err = l.Servers[0].Run("sh", "-c", "setsid sh -c 'echo $$ >left; while true; do date >left-$$-$(date +%N); done' >/dev/null 2>&1 &")
	require.NoError(t, err)
	left := readNumber(t, l.Dir+"/left") // has left its process group, and makes files in the directory of the lab
	name := strings.TrimSuffix(l.Client.NetNS, "client")
	require.Contains(t, namespaces(t), name)

	require.NoError(t, l.Close())
	assert.NotContains(t, namespaces(t), name)
	assert.NoDirExists(t, l.Dir)
	assert.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	_, err = os.Readlink(fmt.Sprintf("/proc/%d/ns/net", left))
	assert.Error(t, err, "a process that has ended has no namespaces, also if nobody has waited for it")
	_, err = l.Client.Run("true")
	assert.Error(t, err, "a closed lab runs nothing")
	assert.NoError(t, l.Close(), "second Close")
}

// readNumber waits until a program has written a number to a file.
func readNumber(t *testing.T, path string) (number int) {
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(path) // the file may not be there yet
		_, err := fmt.Sscanln(string(text), &number)
		return err == nil
	}, time.Minute, time.Millisecond)
	return number
}

// TestInterrupt runs a second process of this test that opens a lab, and interrupts
// it.
func TestInterrupt(t *testing.T) {
	if os.Getenv(holdLab) != "" {
		openAndWait(t)
	}
	needs(t)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestInterrupt$")
	cmd.Env = append(os.Environ(), holdLab+"=1")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	dir, name, found := strings.Cut(strings.TrimSpace(line), " ")
	require.True(t, found, line)
	require.Contains(t, namespaces(t), name)

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	exit, ok := cmd.Wait().(*exec.ExitError)
	require.True(t, ok)
	assert.Equal(t, syscall.SIGINT, exit.Sys().(syscall.WaitStatus).Signal(), "the interrupt ends the process")
	assert.NotContains(t, namespaces(t), name)
	assert.NoDirExists(t, dir)
}

const holdLab = "LVSMARK_TEST_HOLD_LAB"

// openAndWait opens a lab with a running program, prints its directory and prefix,
// and waits.
func openAndWait(t *testing.T) {
	l := lab.New(t, lab.Options{RealServers: 1})
	_, err := l.Director.Start(l.Dir+"/sleep.log", "sleep", "infinity")
	require.NoError(t, err)
	os.Stdout.WriteString(l.Dir + " " + strings.TrimSuffix(l.Client.NetNS, "client") + "\n")
	time.Sleep(time.Hour)
}

func namespaces(t *testing.T) string {
	out, err := exec.Command("ip", "netns", "list").Output()
	require.NoError(t, err)
	return string(out)
}

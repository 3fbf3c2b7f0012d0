package vsftpd_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
)

const content = "through the mark\n"

// The server has the place of a real server with nat forwarding: packets reach it at
// realServer, not at the VIP.
const realServer = "10.0.0.11"

func TestServer(t *testing.T) {
	tests := map[string]struct {
		change   func(*config.Cluster)
		low      int
		high     int
		dataPort int
	}{
		"the recipe": {func(*config.Cluster) {}, 10000, 20000, 20},
		"several VIPs": {func(c *config.Cluster) {
			addVIP(c, "198.51.100.22")
		}, 10000, 20000, 20},
		"other ports": {func(c *config.Cluster) {
			c.FTP.ControlPorts = []uint16{2121}
			c.FTP.Active.Ports = []uint16{2020}
		}, 10000, 20000, 2020},
		"control port inside the passive range": {func(c *config.Cluster) {
			c.FTP.ControlPorts = []uint16{2121}
			c.FTP.PassivePorts[0].Low, c.FTP.PassivePorts[0].High = 2121, 2124
		}, 2122, 2124, 20},
		"privileged ports in the passive range": {func(c *config.Cluster) {
			c.FTP.PassivePorts[0].Low, c.FTP.PassivePorts[0].High = 1, 1033
		}, 1024, 1033, 20},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := cluster(test.change)
			enterNamespace(t, realServer)
			serve(t, fragment(t, c))
			control := login(t, net.JoinHostPort(realServer, fmt.Sprint(c.FTP.ControlPorts[0])))

			address := passive(t, control)
			assert.Equal(t, c.VIPs[0].First, address.Addr(), "PASV names the VIP")
			assert.GreaterOrEqual(t, int(address.Port()), test.low)
			assert.LessOrEqual(t, int(address.Port()), test.high)
			assert.Equal(t, content, retrieve(t, control, dial(t, int(address.Port()))))

			port := extendedPassive(t, control)
			assert.GreaterOrEqual(t, port, test.low)
			assert.LessOrEqual(t, port, test.high)
			assert.Equal(t, content, retrieve(t, control, dial(t, port)))

			source, got := active(t, control)
			assert.Equal(t, content, got)
			assert.Equal(t, test.dataPort, source, "active data leaves from the port that the director translates")
		})
	}
}

// TestServerNeedsFragment: without the settings, vsftpd sends its own address in PASV
// responses and opens active data connections from a high port.
func TestServerNeedsFragment(t *testing.T) {
	enterNamespace(t, realServer)
	serve(t, "")
	control := login(t, net.JoinHostPort(realServer, "21"))
	assert.Equal(t, realServer, passive(t, control).Addr().String())
	source, _ := active(t, control)
	assert.NotEqual(t, 20, source)
}

// TestServerKnowsVIP: under direct and tunnel forwarding vsftpd needs no pasv_address, as
// the comment in the fragment says.
func TestServerKnowsVIP(t *testing.T) {
	c := cluster(func(c *config.Cluster) {
		c.Forwarding = config.Direct
		withoutActive(c)
	})
	vip := c.VIPs[0].String()
	enterNamespace(t, realServer, vip)
	serve(t, fragment(t, c))
	assert.Equal(t, vip, passive(t, login(t, net.JoinHostPort(vip, "21"))).Addr().String())
}

// enterNamespace moves the rest of the test to a new network namespace with the addresses
// on lo. The thread is never unlocked: it ends with the test, and with it the namespace.
func enterNamespace(t *testing.T, addresses ...string) {
	t.Helper()
	need.Root(t)
	need.Programs(t, "vsftpd", "ip")
	runtime.LockOSThread()
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
	run(t, "ip", "link", "set", "lo", "up")
	for _, address := range addresses {
		run(t, "ip", "address", "add", address, "dev", "lo")
	}
}

// serve runs vsftpd with the fragment until the test ends.
func serve(t *testing.T, settings string) {
	t.Helper()
	dir := t.TempDir()
	root, empty := filepath.Join(dir, "root"), filepath.Join(dir, "empty")
	for _, d := range []string{root, empty} {
		require.NoError(t, os.Mkdir(d, 0o755))
	}
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) // vsftpd reads as another user
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), []byte(content), 0o644))
	conf := filepath.Join(dir, "vsftpd.conf")
	text := fmt.Sprintf("background=NO\nlisten=YES\nanonymous_enable=YES\nanon_root=%s\nsecure_chroot_dir=%s\n%s", root, empty, settings)
	require.NoError(t, os.WriteFile(conf, []byte(text), 0o600))

	server := exec.Command("vsftpd", conf)
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var out strings.Builder
	server.Stdout, server.Stderr = &out, &out
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-server.Process.Pid, syscall.SIGKILL)
		_ = server.Wait()
		if t.Failed() {
			t.Logf("vsftpd.conf:\n%s\noutput: %s", text, out.String())
		}
	})
}

// login waits until the server listens, and logs in.
func login(t *testing.T, address string) *textproto.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := net.Dial("tcp", address)
	for err != nil && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
		conn, err = net.Dial("tcp", address)
	}
	require.NoError(t, err, "vsftpd does not listen")
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	t.Cleanup(func() { _ = conn.Close() })

	control := textproto.NewConn(conn)
	_, _, err = control.ReadResponse(220)
	require.NoError(t, err)
	command(t, control, 331, "USER anonymous")
	command(t, control, 230, "PASS lvsmark@example.com")
	command(t, control, 200, "TYPE I")
	return control
}

func command(t *testing.T, control *textproto.Conn, code int, line string) string {
	t.Helper()
	require.NoError(t, control.PrintfLine("%s", line))
	_, message, err := control.ReadResponse(code)
	require.NoError(t, err, line)
	return message
}

func passive(t *testing.T, control *textproto.Conn) netip.AddrPort {
	t.Helper()
	answer := command(t, control, 227, "PASV")
	fields := regexp.MustCompile(`(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)`).FindStringSubmatch(answer)
	require.Len(t, fields, 7, answer)
	high, err := strconv.Atoi(fields[5])
	require.NoError(t, err)
	low, err := strconv.Atoi(fields[6])
	require.NoError(t, err)
	return netip.AddrPortFrom(netip.MustParseAddr(strings.Join(fields[1:5], ".")), uint16(high<<8|low))
}

func extendedPassive(t *testing.T, control *textproto.Conn) int {
	t.Helper()
	answer := command(t, control, 229, "EPSV")
	var port int
	_, err := fmt.Sscanf(answer[strings.Index(answer, "("):], "(|||%d|)", &port)
	require.NoError(t, err, answer)
	return port
}

// active requests an active transfer and returns the source port of the data connection
// and the data.
func active(t *testing.T, control *textproto.Conn) (int, string) {
	t.Helper()
	listener, err := net.Listen("tcp", realServer+":0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	require.NoError(t, listener.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)))
	port := listener.Addr().(*net.TCPAddr).Port
	command(t, control, 200, fmt.Sprintf("PORT %s,%d,%d", strings.ReplaceAll(realServer, ".", ","), port>>8, port&0xff))

	var source int
	got := retrieve(t, control, func() net.Conn {
		conn, err := listener.Accept()
		require.NoError(t, err)
		source = conn.RemoteAddr().(*net.TCPAddr).Port
		return conn
	})
	return source, got
}

// dial connects to the port on the real server, as after the director's translation.
func dial(t *testing.T, port int) func() net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort(realServer, strconv.Itoa(port)))
	require.NoError(t, err)
	return func() net.Conn { return conn }
}

// retrieve requests the file and reads it from the data connection that connect returns.
func retrieve(t *testing.T, control *textproto.Conn, connect func() net.Conn) string {
	t.Helper()
	require.NoError(t, control.PrintfLine("RETR file"))
	data := connect()
	defer func() { _ = data.Close() }()
	_, _, err := control.ReadResponse(150)
	require.NoError(t, err)
	got, err := io.ReadAll(data)
	require.NoError(t, err)
	_, _, err = control.ReadResponse(226)
	require.NoError(t, err)
	return string(got)
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
}

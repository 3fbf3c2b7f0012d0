package integration_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/ipvs"
)

// successTimeout limits the wait for an expected answer, also on an emulated and busy machine.
// failureTimeout is the wait for an answer that must not arrive; it can be short, because other
// answers took the same way before.
const (
	successTimeout = 2 * time.Minute
	failureTimeout = 300 * time.Millisecond
)

// A traffic is a set of connections through a lab's director to echo servers, which
// answer each line with their name and the line.
type traffic struct {
	t   *testing.T
	lab *lab.Lab

	open []*session
	sent int
}

// newTraffic listens on ports of every real server.
func newTraffic(t *testing.T, l *lab.Lab, ports ...int) *traffic {
	t.Helper()
	tr := &traffic{t: t, lab: l}
	for _, port := range ports {
		tr.listen(l.Client, port)
		for _, server := range l.Servers {
			tr.listen(server.Host, port)
		}
	}
	return tr
}

func (tr *traffic) listen(host *lab.Host, port int) {
	tr.t.Helper()
	require.NoError(tr.t, host.Do(func() error {
		listener, err := net.Listen("tcp4", fmt.Sprint(":", port))
		if err != nil {
			return err
		}
		tr.t.Cleanup(func() { listener.Close() })
		go serve(listener, host.Name)
		packets, err := net.ListenPacket("udp4", fmt.Sprint(":", port))
		if err != nil {
			return err
		}
		tr.t.Cleanup(func() { packets.Close() })
		go servePackets(packets, host.Name)
		return nil
	}))
}

func servePackets(packets net.PacketConn, name string) {
	buffer := make([]byte, 100)
	for {
		n, from, err := packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = packets.WriteTo(fmt.Appendf(nil, "%s %s", name, buffer[:n]), from)
	}
}

func serve(listener net.Listener, name string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				fmt.Fprintln(conn, name, lines.Text())
			}
		}()
	}
}

// A session is a connection and its real server.
type session struct {
	tr     *traffic
	conn   net.Conn
	server string
}

// connect opens a connection from a client address; it returns nil if no server
// answers.
func (tr *traffic) connect(from, vip netip.Addr, port int, wait time.Duration) *session {
	tr.t.Helper()
	return tr.dial("tcp4", tr.lab.Client, netip.AddrPortFrom(from, 0), netip.AddrPortFrom(vip, uint16(port)), wait)
}

func (tr *traffic) dial(network string, host *lab.Host, from, to netip.AddrPort, wait time.Duration) *session {
	tr.t.Helper()
	s := &session{tr: tr}
	err := host.Do(func() (err error) {
		dialer := net.Dialer{Timeout: wait, LocalAddr: net.TCPAddrFromAddrPort(from)}
		if from.Port() != 0 {
			dialer.Control = reuseAddress
		}
		if network == "udp4" {
			dialer.LocalAddr = net.UDPAddrFromAddrPort(from)
		}
		s.conn, err = dialer.Dial(network, to.String())
		return err
	})
	if err != nil {
		return nil
	}
	tr.open = append(tr.open, s)
	if s.server = s.echo(wait); s.server == "" {
		return nil
	}
	return s
}

// reuseAddress lets a socket use the port of another connection, which may have ended a minute ago:
// without it, active data from port 20 fails for another reason than a test wants to see.
func reuseAddress(_, _ string, conn syscall.RawConn) (err error) {
	control := conn.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
	return errors.Join(control, err)
}

// mustConnect opens a connection that must succeed.
func (tr *traffic) mustConnect(vip netip.Addr, port int, from netip.Addr) *session {
	tr.t.Helper()
	s := tr.connect(from, vip, port, successTimeout)
	require.NotNil(tr.t, s, "%s to %s port %d", from, vip, port)
	return s
}

// closeAll closes all connections, and waits until IPVS has no more TCP connections.
func (tr *traffic) closeAll() {
	tr.t.Helper()
	for _, s := range tr.open {
		s.conn.Close()
	}
	tr.open = nil
	require.Eventually(tr.t, func() bool {
		n := 0
		err := tr.lab.Director.Do(func() error {
			for c := range ipvs.EachConnection() {
				if c.Protocol == config.TCP { // UDP has no end of connection
					n++
				}
			}
			return nil
		})
		return err == nil && n == 0
	}, successTimeout, 20*time.Millisecond)
}

// client returns an unused client address.
func (tr *traffic) client() netip.Addr {
	tr.t.Helper()
	address, err := tr.lab.ClientAddress(config.IPv4)
	require.NoError(tr.t, err)
	return address
}

// echo sends a line and returns the name of the server that answers it, "" when
// none does.
func (s *session) echo(wait time.Duration) string {
	s.tr.sent++
	line := fmt.Sprint("line ", s.tr.sent)
	if _, err := fmt.Fprintln(s.conn, line); err != nil {
		return ""
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(wait))
	answer, err := bufio.NewReader(s.conn).ReadString('\n')
	if err != nil {
		return ""
	}
	var name, first string
	var n int
	_, _ = fmt.Sscanf(answer, "%s %s %d", &name, &first, &n)
	if fmt.Sprint(first, " ", n) != line {
		return ""
	}
	return name
}

// isAlive reports whether the connection still works, with the same real server.
func (s *session) isAlive() bool { return s.echo(successTimeout) == s.server }

// isCut reports whether the connection no longer works.
func (s *session) isCut() bool { return s.echo(failureTimeout) == "" }

// state returns all state of the director that lvsmark can change.
func (tr *traffic) state() string {
	tr.t.Helper()
	text, err := tr.lab.Director.Run("sh", "-c", "nft list ruleset; ipvsadm -Sn; ip -o address; sysctl net.ipv4.ip_forward")
	require.NoError(tr.t, err)
	return text
}

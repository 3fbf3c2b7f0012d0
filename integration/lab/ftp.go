package lab

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// An ftpClient is one control connection of the lab's own FTP client. It supports
// what curl and lftp do not: EPRT over IPv4 with TLS, and a pause after login.
type ftpClient struct {
	transfer
	lab     *Lab
	control *textproto.Conn
	tls     *tls.Config // nil: plain
	log     strings.Builder
	opened  []io.Closer
}

// connect opens a control connection and logs in.
func (l *Lab) connect(t transfer) (*ftpClient, error) {
	c := &ftpClient{transfer: t, lab: l}
	return c, c.login()
}

func (c *ftpClient) login() error {
	conn, err := c.dial(c.from, netip.AddrPortFrom(VIP(c.Family), c.Security.port()))
	if err != nil {
		return err
	}
	if c.Security != Plain {
		if err := c.prepareTLS(); err != nil {
			return err
		}
	}
	c.control = textproto.NewConn(conn)
	if c.Security == Implicit {
		c.control = textproto.NewConn(tls.Client(conn, c.tls))
	}
	if _, err := c.reply(220); err != nil {
		return err
	}
	if c.Security == Explicit {
		if _, err := c.command(234, "AUTH TLS"); err != nil {
			return err
		}
		c.control = textproto.NewConn(tls.Client(conn, c.tls))
	}
	steps := []struct {
		code    int
		command string
	}{{200, "TYPE I"}, {200, "PBSZ 0"}, {200, "PROT P"}}
	if c.Security == Plain {
		steps = steps[:1]
	}
	if err := c.user(); err != nil {
		return err
	}
	for _, step := range steps {
		if _, err := c.command(step.code, "%s", step.command); err != nil {
			return err
		}
	}
	return nil
}

// user logs in as anonymous. vsftpd in the lab asks for no password, other servers do.
func (c *ftpClient) user() error {
	if err := c.control.PrintfLine("USER anonymous"); err != nil {
		return err
	}
	code, _, err := c.control.ReadResponse(0)
	if err == nil && code == 331 {
		_, err = c.command(230, "PASS lab@example.com")
	} else if err == nil && code != 230 {
		err = fmt.Errorf("USER anonymous: code %d", code)
	}
	return err
}

// prepareTLS configures TLS: it trusts only the lab's certificate and caches the
// session, because data connections must resume that of the control connection.
func (c *ftpClient) prepareTLS() error {
	trust, err := os.ReadFile(c.trust)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trust)
	c.tls = &tls.Config{
		RootCAs:            roots,
		ServerName:         VIP(c.Family).String(),
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	return nil
}

// run does all uploads and downloads, then quits.
func (c *ftpClient) run() error {
	for _, r := range c.rounds {
		if err := c.round(r); err != nil {
			return err
		}
	}
	_, err := c.command(221, "QUIT")
	return err
}

func (c *ftpClient) round(r round) error {
	source, err := os.Open(r.upload)
	if err != nil {
		return err
	}
	defer source.Close()
	err = c.data("STOR "+r.stored, func(data dataConn) error {
		if _, err := io.Copy(data, source); err != nil {
			return err
		}
		if err := data.CloseWrite(); err != nil {
			return err
		}
		// Closing with unread TLS tickets would reset the connection.
		_, err := io.Copy(io.Discard, data)
		return err
	})
	if err != nil {
		return err
	}
	target, err := os.Create(r.download)
	if err != nil {
		return err
	}
	defer target.Close()
	return c.data("RETR "+r.file, func(data dataConn) error {
		_, err := io.Copy(target, data)
		return err
	})
}

// A dataConn is a data connection, with or without TLS.
type dataConn interface {
	net.Conn
	CloseWrite() error
}

// data sends a command and runs its transfer on a data connection of the session's
// mode.
func (c *ftpClient) data(command string, transfer func(dataConn) error) error {
	open := c.passive
	if c.Mode.Active() {
		open = c.active
	}
	accept, err := open()
	if err != nil {
		return err
	}
	if _, err := c.command(150, "%s", command); err != nil {
		return err
	}
	data, err := accept()
	if err != nil {
		return err
	}
	if c.tls != nil {
		if data, err = c.startTLS(data); err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
	}
	if err := transfer(data); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	if err := data.Close(); err != nil {
		return err
	}
	_, err = c.reply(226)
	return err
}

// startTLS starts TLS on a data connection and logs the version.
func (c *ftpClient) startTLS(data dataConn) (dataConn, error) {
	conn := tls.Client(data, c.tls)
	if err := conn.HandshakeContext(c.lab.ctx); err != nil {
		return nil, err
	}
	fmt.Fprintf(&c.log, "= data connection: %s\n", tls.VersionName(conn.ConnectionState().Version))
	return conn, nil
}

// passive connects to the server's data port. The reply to PASV has the address;
// with EPSV it is the address of the control connection.
func (c *ftpClient) passive() (func() (dataConn, error), error) {
	code, parse := 229, parseEPSV
	if c.Mode == PASV {
		code, parse = 227, parsePASV
	}
	message, err := c.command(code, "%s", c.Mode)
	if err != nil {
		return nil, err
	}
	to, err := parse(message, VIP(c.Family))
	if err != nil {
		return nil, err
	}
	conn, err := c.dial(c.dataFrom, to)
	return func() (dataConn, error) { return conn, nil }, err
}

// active listens, and sends the address to the server.
func (c *ftpClient) active() (func() (dataConn, error), error) {
	listener, err := c.listen()
	if err != nil {
		return nil, err
	}
	port := listener.Addr().(*net.TCPAddr).AddrPort().Port()
	argument := fmt.Sprintf("|%d|%s|%d|", familyNumber(c.Family), c.from, port) // RFC 2428
	if c.Mode == PORT {
		argument = fmt.Sprintf("%s,%d,%d", strings.ReplaceAll(c.from.String(), ".", ","), port>>8, port&0xff)
	}
	_, err = c.command(200, "%s %s", c.Mode, argument)
	return func() (dataConn, error) {
		conn, err := listener.AcceptTCP()
		if err != nil {
			return nil, err
		}
		c.opened = append(c.opened, conn)
		return conn, conn.SetDeadline(c.deadline())
	}, err
}

// familyNumber returns the address family number of RFC 2428.
func familyNumber(f config.Family) int {
	if f == config.IPv4 {
		return 1
	}
	return 2
}

// parsePASV reads "Entering Passive Mode (198,51,100,21,39,16)." (RFC 959).
func parsePASV(message string, _ netip.Addr) (netip.AddrPort, error) {
	_, rest, _ := strings.Cut(message, "(")
	var addr [4]byte
	var high, low uint8
	_, err := fmt.Sscanf(rest, "%d,%d,%d,%d,%d,%d", &addr[0], &addr[1], &addr[2], &addr[3], &high, &low)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("reply to PASV: %q: %w", message, err)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(addr), uint16(high)<<8|uint16(low)), nil
}

// parseEPSV reads "Entering Extended Passive Mode (|||10000|)" (RFC 2428).
func parseEPSV(message string, server netip.Addr) (netip.AddrPort, error) {
	_, rest, _ := strings.Cut(message, "(|||")
	number, _, _ := strings.Cut(rest, "|)")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("reply to EPSV: %q: %w", message, err)
	}
	return netip.AddrPortFrom(server, uint16(port)), nil
}

// command sends one line and reads the reply, which must have the code.
func (c *ftpClient) command(code int, format string, args ...any) (string, error) {
	line := fmt.Sprintf(format, args...)
	fmt.Fprintf(&c.log, "> %s\n", line)
	if err := c.control.PrintfLine("%s", line); err != nil {
		return "", fmt.Errorf("%s: %w", line, err)
	}
	message, err := c.reply(code)
	if err != nil {
		return "", fmt.Errorf("%s: %w", line, err)
	}
	return message, nil
}

func (c *ftpClient) reply(code int) (string, error) {
	got, message, err := c.control.ReadResponse(code)
	fmt.Fprintf(&c.log, "< %d %s\n", got, message)
	return message, err
}

// dial connects from an address of the client.
func (c *ftpClient) dial(from netip.Addr, to netip.AddrPort) (dataConn, error) {
	var conn net.Conn
	err := c.lab.Client.Do(func() (err error) {
		dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Deadline: c.deadline()}
		conn, err = dialer.DialContext(c.lab.ctx, "tcp", to.String())
		return err
	})
	if err != nil {
		return nil, err
	}
	c.opened = append(c.opened, conn)
	return conn.(*net.TCPConn), conn.SetDeadline(c.deadline())
}

func (c *ftpClient) listen() (*net.TCPListener, error) {
	var listener net.Listener
	err := c.lab.Client.Do(func() (err error) {
		listener, err = (&net.ListenConfig{}).Listen(c.lab.ctx, "tcp", netip.AddrPortFrom(c.from, 0).String())
		return err
	})
	if err != nil {
		return nil, err
	}
	c.opened = append(c.opened, listener)
	tcp := listener.(*net.TCPListener)
	return tcp, tcp.SetDeadline(c.deadline())
}

// close closes all connections and listeners of the session.
func (c *ftpClient) close() {
	for _, closer := range c.opened {
		closer.Close()
	}
}

// deadline returns the deadline of a connection opened now.
func (c *ftpClient) deadline() time.Time { return time.Now().Add(c.whole) }

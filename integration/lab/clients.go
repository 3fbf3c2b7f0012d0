package lab

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// A transfer is a session with its files and client options.
type transfer struct {
	Session
	from     netip.Addr
	dataFrom netip.Addr      // of passive data connections of the lab's own client
	trust    string          // certificate
	timeout  time.Duration   // of one operation
	whole    time.Duration   // of the transfer
	rounds   []round         // run in sequence
	barrier  *sync.WaitGroup // nil: do not wait for other sessions
}

// clientTimeout is the timeout of a client for one operation if the lab has none. It is long
// because the machine may be emulated and busy.
const clientTimeout = 5 * time.Minute

// sessionTimeout returns the timeout of a client for a whole transfer. With a limited rate, it
// includes the time of the transfer.
func (l *Lab) sessionTimeout(r *Result) time.Duration {
	if l.Rate == 0 {
		return l.ClientTimeout
	}
	return 2 * (l.ClientTimeout + time.Duration(r.Size/int64(l.Rate))*time.Second)
}

// program runs the session's client program and returns its output.
func (l *Lab) program(t transfer) (log string, err error) {
	switch t.Client {
	case Curl:
		return l.Client.combined("curl", t.curl())
	case LFTP:
		return l.Client.combined("lftp", t.lftp())
	}
	if t.barrier != nil {
		l.login.Lock()
	}
	c, err := l.connect(t)
	defer c.close()
	if t.barrier != nil {
		l.login.Unlock()
		t.barrier.Done()
		t.barrier.Wait()
	}
	if err == nil {
		err = c.run()
	}
	return c.log.String(), err
}

// curl returns curl's arguments. Options apply up to --next, which keeps the control
// connection open.
func (t transfer) curl() []string {
	options := []string{
		"--verbose", "--silent", "--show-error", "--noproxy", "*", "--max-time", seconds(t.whole),
		"--interface", t.from.String(), "--cacert", t.trust,
	}
	switch t.Mode {
	case PASV:
		options = append(options, "--disable-epsv")
	case PORT:
		options = append(options, "--ftp-port", t.ftpPort(), "--disable-eprt")
	case EPRT:
		options = append(options, "--ftp-port", t.ftpPort())
	}
	scheme := "ftp"
	switch t.Security {
	case Explicit:
		options = append(options, "--ssl-reqd")
	case Implicit:
		scheme = "ftps"
	}
	url := fmt.Sprintf("%s://%s/", scheme, netip.AddrPortFrom(VIP(t.Family), t.Security.port()))
	var args []string
	for _, r := range t.rounds {
		args = append(append(args, options...), "--upload-file", r.upload, url+r.stored, "--next")
		args = append(append(args, options...), "--output", r.download, url+r.file, "--next")
	}
	return args[:len(args)-1]
}

// ftpPort returns the address that curl listens on. curl 8.14 (Debian 13) cuts an
// IPv6 address without brackets at the first colon: "bind(port=0) failed: Address
// family not supported by protocol".
func (t transfer) ftpPort() string {
	if t.from.Is6() {
		return "[" + t.from.String() + "]"
	}
	return t.from.String()
}

// lftp returns lftp's arguments. They limit TLS to 1.2, because lftp may close the
// data connection of an upload without close_notify: if its send buffer is full,
// gnutls_bye returns EAGAIN, and lftp does not try again. With TLS 1.3 the server's
// session ticket is then unread, the kernel resets the connection, and the server
// loses unread data. With TLS 1.2 no data is lost; see vsftpdSettings for the
// server's side. curl and the lab's own client send close_notify and read the ticket.
func (t transfer) lftp() []string {
	bind := "set net:socket-bind-ipv6 %s"
	if t.Family == config.IPv4 {
		bind = "set net:socket-bind-ipv4 %[1]s; set ftp:port-ipv4 %[1]s"
	}
	scheme := "ftp"
	if t.Security == Implicit {
		scheme = "ftps"
	}
	lines := []string{
		"debug 5",
		"set cmd:fail-exit yes",
		"set net:timeout " + seconds(t.timeout),
		"set net:max-retries 1",
		fmt.Sprintf(bind, t.from),
		fmt.Sprintf("set ftp:passive-mode %t", !t.Mode.Active()),
		"set ftp:auto-passive-mode no",
		fmt.Sprintf("set ftp:prefer-epsv %t", t.Mode == EPSV),
		fmt.Sprintf("set ftp:ssl-allow %t", t.Security != Plain),
		fmt.Sprintf("set ftp:ssl-force %t", t.Security != Plain),
		fmt.Sprintf("set ftp:ssl-allow-anonymous %t", t.Security != Plain), // the settings above do not apply to anonymous users
		"set ftp:ssl-protect-data yes",
		`set ssl:priority "NORMAL:-VERS-TLS1.3"`,
		"set ssl:ca-file " + t.trust,
		fmt.Sprintf("open %s://%s", scheme, netip.AddrPortFrom(VIP(t.Family), t.Security.port())),
	}
	for _, r := range t.rounds {
		lines = append(lines, fmt.Sprintf("put %s -o %s", r.upload, r.stored), fmt.Sprintf("get %s -o %s", r.file, r.download))
	}
	return []string{"--norc", "-c", strings.Join(lines, "\n")}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// combined runs a program and returns its standard output and standard error.
func (h *Host) combined(name string, args []string) (string, error) {
	var output bytes.Buffer
	cmd := h.lab.command(h.lab.ctx, "ip", h.exec(name, args)...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return output.String(), fmt.Errorf("%s: %w", name, err)
	}
	return output.String(), nil
}

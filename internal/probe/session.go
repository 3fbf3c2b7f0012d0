package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// A session is one control connection and its data connection.
type session struct {
	Options
	result Result
	ctx    context.Context // ends with the session

	raw     *net.TCPConn // below TLS
	control *control
	tls     *tls.Config // nil: no TLS

	version   uint16 // of TLS, of the control connection
	resumable bool   // the server issued a session ticket before the data connection

	to       netip.AddrPort   // passive data: where the client connects
	listener *net.TCPListener // active data
	data     dataConnection

	closers []io.Closer
	stops   []func() bool
}

type step struct {
	name string
	do   func() (detail string, err error)
}

// steps returns the steps of the session, in order.
func (s *session) steps() []step {
	list := []step{{"connect", s.connect}}
	if s.TLS == Implicit {
		list = append(list, step{"tls", s.startTLS})
	}
	list = append(list, step{"greeting", s.greeting})
	if s.TLS == Explicit {
		list = append(list, step{"auth-tls", s.authTLS}, step{"tls", s.startTLS})
	}
	list = append(list, step{"login", s.login})
	if s.TLS != NoTLS {
		list = append(list, step{"protect", s.protect})
	}
	if s.Retrieve != "" {
		list = append(list, step{"type", s.binary})
	}
	if s.result.Mode.active() {
		list = append(list, step{string(s.result.Mode), s.listen}, step{s.transferName(), s.request}, step{"data-accept", s.accept})
	} else {
		list = append(list, step{string(s.result.Mode), s.passive}, step{"data-connect", s.connectData}, step{s.transferName(), s.request})
	}
	if s.TLS != NoTLS {
		list = append(list, step{"data-tls", s.dataTLS})
	}
	return append(list, step{"data", s.read}, step{"complete", s.complete}, step{"quit", s.quit})
}

func (s *session) transferName() string {
	if s.Retrieve != "" {
		return "retrieve"
	}
	return "list"
}

func (s *session) connect() (string, error) {
	conn, err := s.dial(s.result.Control)
	if err != nil {
		return "", err
	}
	s.raw = conn
	s.register(s.ctx, conn, conn.SetDeadline)
	s.control = newControl(conn)
	return "from " + conn.LocalAddr().String(), nil
}

// greeting waits for 220. A server may send 120 before it (RFC 959, 5.4).
func (s *session) greeting() (string, error) {
	r, err := s.control.expect(120, 220)
	for err == nil && r.code == 120 {
		r, err = s.control.expect(120, 220)
	}
	return r.detail(), err
}

// detail returns the text of a step.
func (r reply) detail() string {
	if r.code == 0 {
		return ""
	}
	return r.String()
}

// login logs in. Some servers need no password.
func (s *session) login() (string, error) {
	user, password := s.User, s.Password
	if user == "" {
		user, password = "anonymous", "lvsmark@"
	}
	r, err := s.control.command("USER "+user, 230, 331)
	if err == nil && r.code == 331 {
		s.control.secret = s.Password
		r, err = s.control.command("PASS "+password, 230, 202)
	}
	return r.detail(), err
}

func (s *session) binary() (string, error) {
	r, err := s.control.command("TYPE I", 200)
	return r.detail(), err
}

// listen listens for active data and sends the address.
func (s *session) listen() (string, error) {
	at := s.raw.LocalAddr().(*net.TCPAddr).AddrPort()
	err := s.openSockets(func() (err error) {
		var config net.ListenConfig
		config.SetMultipathTCP(false)
		listener, err := config.Listen(s.ctx, "tcp", netip.AddrPortFrom(at.Addr().Unmap(), 0).String())
		if err == nil {
			s.listener = listener.(*net.TCPListener)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	s.data.open(s.ctx)
	s.register(s.data.ctx, s.listener, s.listener.SetDeadline)
	at = netip.AddrPortFrom(at.Addr().Unmap(), s.listener.Addr().(*net.TCPAddr).AddrPort().Port())
	r, err := s.control.command(activeCommand(s.result.Mode, at), 200)
	return fmt.Sprintf("at %s: %s", at, r.detail()), err
}

// activeCommand returns the command PORT (RFC 959) or EPRT (RFC 2428).
func activeCommand(mode Mode, at netip.AddrPort) string {
	if mode == PORT {
		return fmt.Sprintf("PORT %s,%d,%d", strings.ReplaceAll(at.Addr().String(), ".", ","), at.Port()>>8, at.Port()&0xff)
	}
	number := map[config.Family]int{config.IPv4: 1, config.IPv6: 2}[config.FamilyOf(at.Addr())] // IANA, address family numbers
	return fmt.Sprintf("EPRT |%d|%s|%d|", number, at.Addr(), at.Port())
}

// quitTime is how long the client waits for the reply to QUIT.
const quitTime = time.Second

// quit ends the session. A server that only closes the connection, or does not answer, has done
// all work: the time for the sessions that follow is not spent on it.
func (s *session) quit() (string, error) {
	_ = s.raw.SetReadDeadline(time.Now().Add(quitTime))
	r, _ := s.control.command("QUIT", 221)
	return r.detail(), nil
}

// openSockets calls a function that opens sockets.
func (s *session) openSockets(open func() error) error {
	if s.Sockets == nil {
		return open()
	}
	return s.Sockets(open)
}

// dial connects from the source address.
func (s *session) dial(to netip.AddrPort) (conn *net.TCPConn, err error) {
	err = s.openSockets(func() error {
		var dialer net.Dialer
		dialer.SetMultipathTCP(false)
		if s.Source.IsValid() {
			dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.Source, 0))
		}
		opened, err := dialer.DialContext(s.ctx, "tcp", to.String())
		switch {
		case err == nil:
			conn = opened.(*net.TCPConn)
		case isTimeout(err): // package net has a timer of its own, which may end before that of the context
			<-s.ctx.Done()
		}
		return err
	})
	return conn, err
}

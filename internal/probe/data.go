package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// A dataConnection is the data connection of a session. A goroutine reads the replies to the
// transfer command meanwhile: a server may send the first before or after it opens the
// connection, and may refuse the transfer at any moment.
type dataConnection struct {
	ctx     context.Context // ends when the server refuses the transfer
	refuse  context.CancelFunc
	conn    net.Conn
	replies chan transferred // receives one value; nil before the command is sent
}

// transferred is the last reply to a transfer command.
type transferred struct {
	reply reply
	err   error
}

func (d *dataConnection) open(ctx context.Context) { d.ctx, d.refuse = context.WithCancel(ctx) }

// passive requests a port and checks what the server answers.
func (s *session) passive() (string, error) {
	s.data.open(s.ctx)
	request := s.pasv
	if s.result.Mode == EPSV {
		request = s.epsv
	}
	detail, err := request()
	if err == nil {
		err = s.checkPort()
	}
	return detail, err
}

func (s *session) epsv() (string, error) {
	r, err := s.control.command("EPSV", 229)
	if err != nil {
		return r.detail(), err
	}
	port, ok := parseEPSV(r.message)
	if !ok {
		err = fmt.Errorf("no port in the reply to EPSV: %s", r.text())
	}
	s.to = netip.AddrPortFrom(s.result.Control.Addr(), port)
	return r.detail(), err
}

// pasv requests a port with PASV. The data connection to a real server goes to its own address,
// whatever the reply names.
func (s *session) pasv() (string, error) {
	r, err := s.control.command("PASV", 227)
	if err != nil {
		return r.detail(), err
	}
	named, ok := parsePASV(r.message)
	if !ok {
		return r.detail(), fmt.Errorf("no address in the reply to PASV: %s", r.text())
	}
	s.to = named
	if s.result.RealServer != "" {
		s.to = netip.AddrPortFrom(s.result.Control.Addr(), named.Port())
	}
	if !slices.ContainsFunc(s.result.passiveAddresses, func(r config.AddressRange) bool { return r.Contains(named.Addr()) }) {
		err = checkErrorf("passive-address", "PASV names %s, which is not a VIP of the cluster: set the passive address of the FTP server, see lvsmark render", named.Addr())
	}
	return r.detail(), err
}

func (s *session) checkPort() error {
	if slices.ContainsFunc(s.result.passivePorts, func(r config.PortRange) bool { return r.Low <= s.to.Port() && s.to.Port() <= r.High }) {
		return nil
	}
	return checkErrorf("passive-port", "port %d is not in %s, so the director does not mark its packets: set the passive ports of the FTP server, see lvsmark render",
		s.to.Port(), portList(s.result.passivePorts))
}

func portList(ports []config.PortRange) string {
	list := make([]string, len(ports))
	for i, r := range ports {
		list[i] = r.Ports()
	}
	return "passive-ports " + strings.Join(list, ", ")
}

// connectData connects to the passive port.
func (s *session) connectData() (string, error) {
	conn, err := s.dial(s.to)
	if err != nil {
		message := s.message(err)
		if s.result.RealServer == "" {
			message += ": no server listens there; is it the real server of the control connection? See persistence and the passive ports in the spec"
		}
		return "to " + s.to.String(), errors.New(message)
	}
	s.data.conn = conn
	s.register(s.data.ctx, conn, conn.SetDeadline)
	return "to " + s.to.String(), nil
}

// request sends the transfer command. complete waits for the replies.
func (s *session) request() (string, error) {
	command := "LIST"
	if s.Retrieve != "" {
		command = "RETR " + s.Retrieve
	}
	if err := s.control.send(command); err != nil {
		return "", err
	}
	if s.tls != nil {
		_, s.resumable = s.tls.ClientSessionCache.Get(s.tls.ServerName)
	}
	s.data.replies = make(chan transferred, 1)
	go func() {
		r, err := s.control.expect(150, 125)
		if err == nil {
			r, err = s.control.expect(226, 250)
		}
		if err != nil {
			s.data.refuse()
		}
		s.data.replies <- transferred{r, err}
	}()
	return command, nil
}

// accept accepts active data, which must come from the address that the client knows: others
// are refused by clients and by stateful firewalls.
func (s *session) accept() (string, error) {
	conn, err := s.listener.AcceptTCP()
	if err != nil {
		return "", s.explain(err)
	}
	s.data.conn = conn
	s.register(s.data.ctx, conn, conn.SetDeadline)
	from := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	detail := "from " + from.String()
	if want := s.result.Control.Addr(); from.Addr() != want {
		return detail, checkErrorf("active-source", "active data comes from %s instead of %s: with nat, set active-data: {translate: snat} and the source ports", from.Addr(), want)
	}
	if ports := s.result.activePorts; len(ports) > 0 && !slices.Contains(ports, from.Port()) {
		return detail, checkErrorf("active-port", "active data comes from port %d, which the director does not expect (%d): set the data port of the FTP server, see lvsmark render", from.Port(), ports)
	}
	return detail, nil
}

// read reads all data.
func (s *session) read() (string, error) {
	n, err := io.Copy(io.Discard, s.data.conn)
	detail := fmt.Sprintf("%d bytes", n)
	if timeout, ok := errors.AsType[*TimeoutError](context.Cause(s.ctx)); ok && err != nil && n > 0 {
		return detail, fmt.Errorf("the data did not end within %s", timeout.Timeout)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the server closed the data connection in the middle of a TLS record")
	}
	if err != nil {
		return detail, s.explain(err)
	}
	_ = s.data.conn.Close()
	return detail, nil
}

// complete waits for the replies to the transfer command.
func (s *session) complete() (string, error) {
	last := <-s.data.replies
	return last.reply.detail(), s.refused(last.err)
}

// explainTime is how long the client waits for what a server says about a broken data
// connection.
const explainTime = time.Second

// explain returns the error of a data connection, with what the server says about it.
func (s *session) explain(err error) error {
	if s.ctx.Err() != nil {
		return err
	}
	refused := s.data.ctx.Err() != nil
	_ = s.raw.SetReadDeadline(time.Now().Add(explainTime))
	said := (<-s.data.replies).err
	if named, ok := errors.AsType[*checkError](err); ok {
		return named
	}
	if refused {
		return s.refused(said)
	}
	if answer, ok := errors.AsType[*replyError](said); ok {
		return fmt.Errorf("%s; %w", s.message(err), answer)
	}
	return err
}

// refused names the check of a reply that refuses the transfer, at whatever step it arrives.
func (s *session) refused(err error) error {
	if answer, ok := errors.AsType[*replyError](err); ok {
		message := answer.Error()
		if answer.reply.code == 425 || answer.reply.code == 522 { // proftpd, vsftpd
			message += s.withoutTicket()
		}
		return &checkError{s.transferName(), message}
	}
	return err
}

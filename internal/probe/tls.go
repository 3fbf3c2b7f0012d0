package probe

import (
	"crypto/tls"
	"errors"
	"io"
)

// authTLS requests TLS on the control connection (RFC 4217). Text that follows the reply in
// the clear could be a reply that an attacker has inserted.
func (s *session) authTLS() (string, error) {
	r, err := s.control.command("AUTH TLS", 234)
	if err == nil && s.control.buffer.Buffered() > 0 {
		err = errors.New("the server sends text in the clear after its reply to AUTH TLS")
	}
	return r.detail(), err
}

// startTLS starts TLS on the control connection.
func (s *session) startTLS() (string, error) {
	s.tls = s.tlsConfig()
	conn := tls.Client(s.raw, s.tls)
	if err := conn.HandshakeContext(s.ctx); err != nil {
		return "", tlsError(err)
	}
	s.control, s.version = newControl(conn), conn.ConnectionState().Version
	return describeTLS(conn.ConnectionState()), nil
}

// tlsConfig returns the configuration of control and data connections. They share a cache with
// one key, because data connections must resume the session of the control connection:
// vsftpd (require_ssl_reuse) and proftpd refuse others.
func (s *session) tlsConfig() *tls.Config {
	config := &tls.Config{
		RootCAs: s.Roots, ServerName: s.ServerName, InsecureSkipVerify: s.Insecure,
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	if config.ServerName == "" {
		config.ServerName = s.result.ServerName
	}
	if s.MaxTLS12 {
		config.MaxVersion = tls.VersionTLS12
	}
	return config
}

// protect requests TLS on data connections.
func (s *session) protect() (string, error) {
	if r, err := s.control.command("PBSZ 0", 200); err != nil {
		return r.detail(), err
	}
	r, err := s.control.command("PROT P", 200)
	return r.detail(), err
}

// dataTLS starts TLS on the data connection, with the session of the control connection.
func (s *session) dataTLS() (string, error) {
	conn := tls.Client(s.data.conn, s.tls)
	// HandshakeContext would replace the error of the certificate by the context's, if the
	// server answers it first. The deadline of the connection ends the handshake too.
	if err := conn.Handshake(); err != nil {
		return "", s.explain(tlsError(err))
	}
	s.data.conn = conn
	state := conn.ConnectionState()
	if s.RequireReuse && !state.DidResume {
		message := "the data connection has a new TLS session: the server did not resume that of the control connection"
		return describeTLS(state), s.explain(&checkError{"tls-reuse", message + s.withoutTicket()})
	}
	return describeTLS(state), nil
}

// withoutTicket explains a new session that the server could not avoid: with TLS 1.2,
// crypto/tls resumes sessions by tickets (RFC 5077) only, not by the ID of the session.
func (s *session) withoutTicket() string {
	if s.tls == nil || s.resumable {
		return ""
	}
	text := "; it issued no session ticket"
	if s.version < tls.VersionTLS13 {
		text += ", which this client needs: allow TLS 1.3, or tickets with TLS 1.2 (proftpd: TLSSessionTickets on)"
	}
	return text
}

func describeTLS(state tls.ConnectionState) string {
	session := "new session"
	if state.DidResume {
		session = "session resumed"
	}
	return tls.VersionName(state.Version) + ", " + session
}

// tlsError explains an error of a handshake, and adds the way out to one of a certificate.
func tlsError(err error) error {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return checkErrorf("certificate", "%v (--ca-file, --server-name and --insecure change the verification)", err)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("the server does not speak TLS here")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the server closed the connection during the TLS handshake")
	}
	return err
}

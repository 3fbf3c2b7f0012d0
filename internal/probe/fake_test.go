package probe

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A fakeServer is an FTP server on a loopback address. Fields replace what it does.
type fakeServer struct {
	t        *testing.T
	listener net.Listener
	tls      *tls.Config
	implicit bool
	hanging  chan struct{} // closed when it hangs

	replies  map[string]string // by command, also with its argument, or "greeting" and "end"; hang: no reply
	named    string            // address in the reply to PASV; empty: its own
	dataPort int               // port in passive replies; 0: where it listens
	dataFrom string            // source of active data; empty: its own
	noData   bool              // active: it never connects
	dataTLS  *tls.Config       // of data connections; nil: tls
	refuse   bool              // passive: it closes data connections at once

	passive net.Listener
	active  string
}

// Values of replies: hang is no reply; endless data is more than the buffers of sockets have, and
// then hangs; cut data ends in the middle of a TLS record.
const (
	hang    = "hang"
	endless = "endless"
	cut     = "cut"
)

// newFake starts a server that does what it should, after change.
func newFake(t *testing.T, change func(*fakeServer)) *fakeServer {
	f := &fakeServer{t: t, hanging: make(chan struct{}), replies: map[string]string{}}
	change(f)
	f.listener = listenLocal(t)
	go f.serve()
	return f
}

func listenLocal(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func portOf(l net.Listener) uint16 { return l.Addr().(*net.TCPAddr).AddrPort().Port() }

func (f *fakeServer) serve() {
	conn, err := f.listener.Accept()
	if err != nil {
		return
	}
	raw := conn
	f.t.Cleanup(func() { raw.Close() })
	if f.implicit {
		conn = tls.Server(conn, f.tls)
	}
	if !f.answer(conn, "greeting", "220 fake") {
		return
	}
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		command, argument, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !f.command(conn, command, argument) {
			return
		}
		if command == "AUTH" {
			conn = tls.Server(conn, f.tls)
			lines = bufio.NewReader(conn)
		}
	}
}

// answer writes the reply to a command. It returns false at the end of the session.
func (f *fakeServer) answer(conn net.Conn, command, usual string) bool {
	text, other := f.replies[command]
	if !other {
		text = usual
	}
	if text == hang {
		close(f.hanging)
		_, _ = io.Copy(io.Discard, conn)
		return false
	}
	_, err := io.WriteString(conn, text+"\r\n")
	if text == "" || strings.HasPrefix(text, "220-half") {
		conn.Close()
		return false
	}
	return err == nil
}

func (f *fakeServer) command(conn net.Conn, command, argument string) bool {
	usual := map[string]string{
		"USER": "331 password", "PASS": "230 in", "AUTH": "234 go", "PBSZ": "200 ok", "PROT": "200 ok", "TYPE": "200 ok", "QUIT": "221 bye",
		"PORT": "200 ok", "EPRT": "200 ok", "LIST": "150 data", "RETR": "150 data",
	}[command]
	switch command {
	case "PASV", "EPSV":
		usual = f.passiveReply(command)
	case "PORT":
		at, ok := parsePASV(argument)
		require.True(f.t, ok, argument)
		f.active = at.String()
	case "EPRT":
		var number int
		parts := strings.Split(argument, "|")
		_, err := fmt.Sscan(parts[1], &number)
		require.NoError(f.t, err)
		f.active = net.JoinHostPort(parts[2], parts[3])
	}
	if special, ok := f.replies[command+" "+argument]; ok {
		usual = special
	}
	if !f.answer(conn, command, usual) {
		return false
	}
	if command == "LIST" || command == "RETR" {
		return strings.HasPrefix(f.replies[command], "5") || f.transfer(conn)
	}
	return true
}

func (f *fakeServer) passiveReply(command string) string {
	f.passive = listenLocal(f.t)
	port := int(portOf(f.passive))
	if f.dataPort != 0 {
		port = f.dataPort
	}
	if command == "EPSV" {
		return fmt.Sprintf("229 passive (|||%d|)", port)
	}
	named := f.named
	if named == "" {
		named = "127.0.0.1"
	}
	return fmt.Sprintf("227 passive (%s,%d,%d)", strings.ReplaceAll(named, ".", ","), port>>8, port&0xff)
}

// transfer sends two files' names on the data connection.
func (f *fakeServer) transfer(control net.Conn) bool {
	data, err := f.openData()
	if err != nil {
		return f.answer(control, "end", "425 "+err.Error())
	}
	defer data.Close()
	raw, config := data, f.tls
	if f.dataTLS != nil {
		config = f.dataTLS
	}
	if config != nil {
		secure := tls.Server(data, config)
		if err := secure.Handshake(); err != nil {
			return f.answer(control, "end", "425 "+err.Error())
		}
		data = secure
	}
	if f.replies["data"] == hang {
		return f.answer(control, "data", "")
	}
	if f.replies["data"] == endless {
		return f.sendEndless(data)
	}
	if !f.refuse {
		_, _ = io.WriteString(data, "a\r\nb\r\n")
	}
	if f.replies["data"] == cut {
		_, _ = io.WriteString(raw, "\x17\x03\x03\x40\x00x") // application data, RFC 8446, 5.1
		raw.Close()
	}
	data.Close()
	return f.answer(control, "end", "226 done")
}

func (f *fakeServer) sendEndless(data net.Conn) bool {
	block := make([]byte, 1<<20)
	for sent := 0; ; sent++ {
		if _, err := data.Write(block); err != nil {
			return false
		}
		if sent == 256 {
			close(f.hanging)
		}
	}
}

func (f *fakeServer) openData() (net.Conn, error) {
	if f.active == "" {
		return f.passive.Accept()
	}
	if f.noData {
		return nil, fmt.Errorf("no connection")
	}
	dialer := net.Dialer{Timeout: time.Minute}
	if f.dataFrom != "" {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.dataFrom + ":0"))
	}
	return dialer.Dial("tcp", f.active)
}

// certificate returns a certificate for 127.0.0.1, and the pool that trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fake"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

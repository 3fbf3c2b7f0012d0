package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

// generous is more than a session takes on a busy machine.
const generous = 5 * time.Minute

// loopbackTarget is a fake server as a VIP.
func (f *fakeServer) target() Target {
	loopback := netip.MustParseAddr("127.0.0.1")
	return Target{
		Cluster: "ftp", Control: netip.AddrPortFrom(loopback, portOf(f.listener)), ServerName: "127.0.0.1",
		passiveAddresses: config.SingleAddresses(loopback), passivePorts: []config.PortRange{{Protocol: config.TCP, Low: 1024, High: 65535}},
	}
}

// one runs a session.
func (f *fakeServer) one(t *testing.T, target Target, mode Mode, opts Options) *Result {
	t.Helper()
	if opts.TLS == "" {
		opts.TLS = NoTLS
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), generous, &TimeoutError{generous})
	defer cancel()
	s := &session{Options: opts, result: Result{Session: Session{target, mode}}}
	s.run(ctx)
	return &s.result
}

// oneUntil is one, and interrupts the session when the server hangs and the client is at step.
func (f *fakeServer) oneUntil(t *testing.T, step string, mode Mode, opts Options) *Result {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	opts.Progress = func(_ Session, name string) {
		if name != step {
			return
		}
		go func() {
			<-f.hanging
			cancel(&TimeoutError{generous})
		}()
	}
	s := &session{Options: opts, result: Result{Session: Session{f.target(), mode}}}
	s.run(ctx)
	return &s.result
}

func names(r *Result) string {
	list := make([]string, len(r.Steps))
	for i, s := range r.Steps {
		list[i] = s.Name
	}
	return strings.Join(list, " ")
}

func TestSession(t *testing.T) {
	config, roots := certificate(t)
	for _, mode := range []Mode{PASV, EPSV, PORT, EPRT} {
		for _, security := range []TLS{NoTLS, Explicit, Implicit} {
			t.Run(string(mode)+" "+string(security), func(t *testing.T) {
				f := newFake(t, func(f *fakeServer) {
					if mode == EPSV {
						f.replies["PASS"], f.replies["LIST"], f.replies["RETR"], f.replies["end"] = "202 in", "125 data", "125 data", "250 done"
					}
					f.implicit = security == Implicit
					if security != NoTLS {
						f.tls = config
					}
				})
				opts := Options{TLS: security, Roots: roots, RequireReuse: true}
				if mode == EPSV {
					opts.Retrieve = "/pub/file"
				}
				r := f.one(t, f.target(), mode, opts)
				require.Nil(t, r.Finding, "%+v", r.Steps)
				assert.Contains(t, names(r), string(mode))
				for _, s := range r.Steps {
					if s.Name == "data" {
						assert.Equal(t, "6 bytes", s.Detail)
					}
				}
			})
		}
	}
}

func TestSteps(t *testing.T) {
	config, roots := certificate(t)
	f := newFake(t, func(f *fakeServer) { f.tls = config })
	r := f.one(t, f.target(), PASV, Options{TLS: Explicit, Roots: roots, Retrieve: "file"})
	require.Nil(t, r.Finding)
	assert.Equal(t, "connect greeting auth-tls tls login protect type pasv data-connect retrieve data-tls data complete quit", names(r))
	f = newFake(t, func(*fakeServer) {})
	r = f.one(t, f.target(), EPRT, Options{})
	require.Nil(t, r.Finding)
	assert.Equal(t, "connect greeting login eprt list data-accept data complete quit", names(r))
	assert.Equal(t, r.Steps[0].Time > 0, true)
	assert.GreaterOrEqual(t, r.Time(), r.Steps[0].Time)
}

// TestBroken: each way in which a server can be broken is a finding of its own.
func TestBroken(t *testing.T) {
	config, roots := certificate(t)
	stale := config.Clone()
	stale.SessionTicketsDisabled = true
	fresh, _ := certificate(t)
	secure := Options{TLS: Explicit, Roots: roots}
	for _, test := range []struct {
		name    string
		change  func(*fakeServer)
		target  func(*Target)
		mode    Mode
		options Options
		check   string
		message string
	}{
		{"greeting refuses", replies("greeting", "421 too many"), nil, PASV, Options{}, "greeting", "421 too many"},
		{"no FTP", replies("greeting", "SSH-2.0-OpenSSH_9.2"), nil, PASV, Options{}, "greeting", "not a reply of FTP"},
		{"binary", replies("greeting", "\x00\x01\x02\xff"), nil, PASV, Options{}, "greeting", "not a reply of FTP"},
		{"10 MB of lines", replies("greeting", strings.Repeat("220-banner\r\n", 1<<20)), nil, PASV, Options{}, "greeting", "more than 64 KiB"},
		{"10 MB in a line", replies("greeting", "220 "+strings.Repeat("x", 10<<20)), nil, PASV, Options{}, "greeting", "more than 64 KiB"},
		{"an empty line", replies("greeting", ""), nil, PASV, Options{}, "greeting", "not a reply of FTP"},
		{"closed", replies("greeting", "220-half"), nil, PASV, Options{}, "greeting", "closed the control connection"},
		{"login refused", replies("PASS", "530 no"), nil, PASV, Options{}, "login", "530 no"},
		{"user refused", replies("USER", "530 no"), nil, PASV, Options{}, "login", "530 no"},
		{"account wanted", replies("PASS", "332 account"), nil, PASV, Options{}, "login", "332 account"},
		{"PASV refused", replies("PASV", "502 no"), nil, PASV, Options{}, "pasv", "502 no"},
		{"PASV without address", replies("PASV", "227 ok"), nil, PASV, Options{}, "pasv", "no address"},
		{"EPSV without port", replies("EPSV", "229 ok"), nil, EPSV, Options{}, "epsv", "no port"},
		{"PASV names another address", func(f *fakeServer) { f.named = "127.0.0.2" }, nil, PASV, Options{}, "passive-address", "127.0.0.2, which is not a VIP"},
		{"PASV port outside", func(f *fakeServer) { f.dataPort = 1023 }, nil, PASV, Options{}, "passive-port", "port 1023 is not in passive-ports 1024-65535"},
		{"EPSV port outside", func(f *fakeServer) { f.dataPort = 1023 }, nil, EPSV, Options{}, "passive-port", "port 1023"},
		{"data on a server that does not listen", func(f *fakeServer) { f.dataPort = 1024 }, nil, PASV, Options{}, "data-connect", "is it the real server of the control connection"},
		{"data on another server", func(f *fakeServer) { f.refuse = true; f.replies["end"] = "425 no data connection" }, nil, EPSV, Options{}, "list", "425 no data connection"},
		{"LIST refused", replies("LIST", "550 no"), nil, PASV, Options{}, "list", "550 no"},
		{"RETR refused", replies("RETR", "550 no file"), nil, PASV, Options{Retrieve: "x"}, "retrieve", "550 no file"},
		{"transfer aborted", replies("end", "426 aborted"), nil, PASV, Options{}, "list", "426 aborted"},
		{"PORT refused", replies("PORT", "500 illegal"), nil, PORT, Options{}, "port", "500 illegal"},
		{"no active data", func(f *fakeServer) { f.noData = true }, nil, PORT, Options{}, "list", "425 no connection"},
		{"active data from another address", func(f *fakeServer) { f.dataFrom = "127.0.0.2" }, nil, EPRT, Options{}, "active-source", "127.0.0.2 instead of 127.0.0.1"},
		{"active data from another port", func(*fakeServer) {}, func(t *Target) { t.activePorts = []uint16{20} }, PORT, Options{}, "active-port", "does not expect ([20])"},
		{"AUTH TLS refused", replies("AUTH", "500 unknown"), nil, PASV, secure, "auth-tls", "500 unknown"},
		{"text after AUTH TLS", replies("AUTH", "234 go\r\n230 in"), nil, PASV, secure, "auth-tls", "in the clear"},
		{"no TLS", func(*fakeServer) {}, nil, PASV, Options{TLS: Implicit, Roots: roots}, "tls", "does not speak TLS"},
		{"data on another server with TLS", func(f *fakeServer) { f.tls, f.dataTLS = config, fresh }, nil, PASV, secure, "certificate", "--ca-file"},
		{"PROT refused", func(f *fakeServer) { f.tls = config; f.replies["PROT"] = "534 no" }, nil, PASV, secure, "protect", "534 no"},
		{"another certificate", func(f *fakeServer) { f.tls = fresh }, nil, PASV, secure, "certificate", "--ca-file"},
		{"another name", func(f *fakeServer) { f.tls = config }, nil, PASV, Options{TLS: Explicit, Roots: roots, ServerName: "ftp.example"}, "certificate", "ftp.example"},
		{"no reuse", func(f *fakeServer) { f.tls = stale }, nil, PASV, Options{TLS: Explicit, Roots: roots, RequireReuse: true}, "tls-reuse", "new TLS session"},
		{"data without TLS", func(f *fakeServer) { f.tls = config; f.replies["LIST"] = "522 no TLS" }, nil, PASV, secure, "list", "522 no TLS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, test.change)
			target := f.target()
			if test.target != nil {
				test.target(&target)
			}
			r := f.one(t, target, test.mode, test.options)
			require.NotNil(t, r.Finding, "%+v", r.Steps)
			assert.Equal(t, test.check, r.Finding.Check, r.Finding.Message)
			assert.Contains(t, r.Finding.Message, test.message)
			assert.Less(t, len(r.Finding.Message), 500)
		})
	}
}

func replies(command, text string) func(*fakeServer) {
	return func(f *fakeServer) { f.replies[command] = text }
}

// TestClosedHandshake: a server that closes the connection in the TLS handshake, after the first
// message of the client or after a part of its own.
func TestClosedHandshake(t *testing.T) {
	for _, sends := range []string{"", "\x16\x03\x03\x00\x40\x02"} {
		l := listenLocal(t)
		go func() {
			conn, err := l.Accept()
			if err == nil {
				_, _ = conn.Read(make([]byte, 64<<10))
				_, _ = conn.Write([]byte(sends))
				conn.Close()
			}
		}()
		f := &fakeServer{listener: l}
		r := f.one(t, f.target(), PASV, Options{TLS: Implicit})
		assert.Equal(t, &Finding{"tls", "tls", "the server closed the connection during the TLS handshake"}, r.Finding)
	}
}

// TestHanging: a server that hangs at any step ends the session at that step.
func TestHanging(t *testing.T) {
	config, roots := certificate(t)
	for at, step := range map[string]string{
		"greeting": "greeting", "AUTH": "auth-tls", "USER": "login", "PASS": "login", "PBSZ": "protect", "PROT": "protect", "TYPE": "type",
		"EPSV": "epsv", "RETR": "data-tls", "data": "data", "end": "complete", "QUIT": "quit",
	} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(f *fakeServer) { f.tls = config; f.replies[at] = hang })
			r := f.oneUntil(t, step, EPSV, Options{TLS: Explicit, Roots: roots, Retrieve: "file"})
			if step == "quit" {
				assert.Nil(t, r.Finding) // the work is done
				return
			}
			require.NotNil(t, r.Finding)
			assert.Equal(t, step, r.Finding.Step)
		})
	}
}

// TestHangingQuit: a server that does not answer QUIT leaves time for the next session.
func TestHangingQuit(t *testing.T) {
	first, second := newFake(t, replies("QUIT", hang)), newFake(t, func(*fakeServer) {})
	var results []Result
	err := Run(t.Context(), []Session{{first.target(), PASV}, {second.target(), PASV}}, Options{TLS: NoTLS, Timeout: generous}, func(r Result) { results = append(results, r) })
	require.NoError(t, err)
	require.Len(t, results, 2)
	assert.Nil(t, results[0].Finding)
	assert.Nil(t, results[1].Finding)
}

// TestCutData has data that ends in the middle of a TLS record.
func TestCutData(t *testing.T) {
	config, roots := certificate(t)
	f := newFake(t, func(f *fakeServer) { f.tls = config; f.replies["data"] = cut })
	r := f.one(t, f.target(), PASV, Options{TLS: Explicit, Roots: roots})
	assert.Equal(t, &Finding{"data", "data", "the server closed the data connection in the middle of a TLS record"}, r.Finding)
}

// TestEndlessData: a server that sends data until the timeout has answered.
func TestEndlessData(t *testing.T) {
	f := newFake(t, replies("data", endless))
	r := f.oneUntil(t, "data", PASV, Options{TLS: NoTLS})
	require.NotNil(t, r.Finding)
	assert.Equal(t, &Finding{"data", "data", "the data did not end within 5m0s"}, r.Finding)
}

// TestPreliminaryGreeting: 120 comes before 220 (RFC 959, 5.4), and is no greeting by itself.
func TestPreliminaryGreeting(t *testing.T) {
	f := newFake(t, replies("greeting", "120 soon\r\n120-still\r\n120 soon\r\n220 ready"))
	r := f.one(t, f.target(), PASV, Options{})
	require.Nil(t, r.Finding, "%+v", r.Steps)
	assert.Equal(t, "220 ready", r.Steps[1].Detail)
	f = newFake(t, replies("greeting", "120 soon\r\n421 too many"))
	r = f.one(t, f.target(), PASV, Options{})
	require.NotNil(t, r.Finding)
	assert.Equal(t, "the server answered 421 too many", r.Finding.Message)
}

func TestTimeout(t *testing.T) {
	f := newFake(t, replies("greeting", hang))
	var results []Result
	err := Run(t.Context(), []Session{{f.target(), PASV}, {f.target(), PASV}}, Options{TLS: NoTLS, Timeout: time.Second}, func(r Result) { results = append(results, r) })
	require.NoError(t, err)
	require.Len(t, results, 2)
	assert.Equal(t, "no answer within 1s", results[0].Finding.Message)
	assert.Equal(t, &Finding{"connect", "connect", "not tried: no time was left of --timeout 1s"}, results[1].Finding)
	assert.Empty(t, results[1].Steps)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = Run(ctx, []Session{{f.target(), PASV}}, Options{Timeout: generous}, func(Result) { t.Error("a result") })
	require.ErrorIs(t, err, context.Canceled)
}

// TestTimeoutOfConnect: package net may find that the time is over before the context does. The
// message is the same.
func TestTimeoutOfConnect(t *testing.T) {
	f := newFake(t, func(*fakeServer) {})
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(&TimeoutError{generous}) })
	s := &session{Options: Options{TLS: NoTLS}, result: Result{Session: Session{f.target(), PASV}}}
	s.run(lateContext{ctx})
	assert.Equal(t, &Finding{"connect", "connect", "no answer within 5m0s"}, s.result.Finding)
}

// A lateContext has a deadline in the past, and ends later.
type lateContext struct{ context.Context }

func (lateContext) Deadline() (time.Time, bool) { return time.Unix(1, 0), true }

func TestConnect(t *testing.T) {
	closed := newFake(t, func(*fakeServer) {})
	closed.listener.Close()
	r := closed.one(t, closed.target(), PASV, Options{})
	require.NotNil(t, r.Finding)
	assert.Equal(t, Finding{"connect", "connect", "connection refused"}, *r.Finding)

	f := newFake(t, func(*fakeServer) {})
	r = f.one(t, f.target(), PASV, Options{Source: netip.MustParseAddr("127.0.0.3")})
	require.Nil(t, r.Finding)
	assert.Contains(t, r.Steps[0].Detail, "from 127.0.0.3:")
}

// TestCertificates: --insecure accepts any certificate, and --tls-max limits the version.
func TestCertificates(t *testing.T) {
	config, _ := certificate(t)
	for _, most := range []bool{false, true} {
		f := newFake(t, func(f *fakeServer) { f.tls = config })
		r := f.one(t, f.target(), PASV, Options{TLS: Explicit, Insecure: true, ServerName: "ftp.example", MaxTLS12: most, RequireReuse: true})
		require.Nil(t, r.Finding, "%+v", r.Finding)
		version := map[bool]string{false: "TLS 1.3", true: "TLS 1.2"}[most]
		details := map[string]string{}
		for _, s := range r.Steps {
			details[s.Name] = s.Detail
		}
		assert.Equal(t, version+", new session", details["tls"])
		assert.Equal(t, version+", session resumed", details["data-tls"])
	}
}

// TestReuse: the finding tells a server that issues no tickets from one that does not accept
// its own, as when the data connection is with another server.
func TestReuse(t *testing.T) {
	config, roots := certificate(t)
	without, other := config.Clone(), config.Clone()
	without.SessionTicketsDisabled = true
	for _, test := range []struct {
		control, data *tls.Config
		most          bool
		want          string
	}{
		{without, without, false, "that of the control connection; it issued no session ticket"},
		{without, without, true, "issued no session ticket, which this client needs: allow TLS 1.3"},
		{config, other, false, "that of the control connection"},
		{config, other, true, "that of the control connection"},
	} {
		f := newFake(t, func(f *fakeServer) { f.tls, f.dataTLS = test.control, test.data })
		r := f.one(t, f.target(), PASV, Options{TLS: Explicit, Roots: roots, RequireReuse: true, MaxTLS12: test.most})
		require.NotNil(t, r.Finding)
		assert.Equal(t, "tls-reuse", r.Finding.Check)
		assert.Contains(t, r.Finding.Message, test.want)
		assert.Equal(t, test.control == without, strings.Contains(r.Finding.Message, "ticket"))
	}
}

// TestLogin: the client logs in as anonymous, or as the user of the options.
func TestLogin(t *testing.T) {
	for _, test := range []struct {
		options Options
		good    []string
	}{
		{Options{}, []string{"USER anonymous", "PASS lvsmark@"}},
		{Options{User: "monitor", Password: "a secret"}, []string{"USER monitor", "PASS a secret"}},
	} {
		for bad := range len(test.good) {
			f := newFake(t, func(f *fakeServer) { f.replies[test.good[bad]] = "530 seen" })
			r := f.one(t, f.target(), PASV, test.options)
			require.NotNil(t, r.Finding)
			assert.Equal(t, Finding{"login", "login", "the server answered 530 seen"}, *r.Finding)
		}
	}
	f := newFake(t, replies("USER", "230 no password"))
	assert.Nil(t, f.one(t, f.target(), PASV, Options{}).Finding)
}

// TestRepeatedPassword: no result has a password that the server repeats, at the login or later.
func TestRepeatedPassword(t *testing.T) {
	const secret = "s3cr3t"
	for at, reply := range map[string]string{
		"PASS": "500 'PASS s3cr3t': command not understood", "PASV": "227 s3cr3t", "EPSV": "229 s3cr3t", "LIST": "550 s3cr3t", "end": "426 s3cr3t", "PBSZ": "PASS s3cr3t",
	} {
		mode, options := PASV, Options{User: "monitor", Password: secret}
		f := newFake(t, func(f *fakeServer) { f.replies[at] = reply })
		switch at {
		case "EPSV":
			mode = EPSV
		case "PBSZ":
			config, roots := certificate(t)
			f.tls, options.TLS, options.Roots = config, Explicit, roots
		}
		r := f.one(t, f.target(), mode, options)
		require.NotNil(t, r.Finding, at)
		assert.Contains(t, r.Finding.Message, "[password]", at)
		assert.NotContains(t, fmt.Sprintf("%+v %+v", r.Steps, r.Finding), secret, at)
	}
}

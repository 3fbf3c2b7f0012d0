package integration_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A probed is the output of lvsmark probe -o json.
type probed struct {
	OK       bool
	Sessions []struct {
		Control, Mode string
		Steps         []struct{ Name, Detail string }
		Findings      []struct{ Step, Check, Message string }
	}
}

// probe runs lvsmark probe on a host, with the lab's spec.
func probe(t *testing.T, l *lab.Lab, host *lab.Host, args ...string) (p probed) {
	t.Helper()
	if !strings.Contains(strings.Join(args, " "), "--timeout") {
		args = append(args, "--timeout", "2m") // a VM is slow
	}
	output, err := l.Lvsmark(append([]string{"probe", "--netns", host.NetNS, "-o", "json"}, args...)...)
	require.NoError(t, err)
	require.Contains(t, []int{0, 1}, output.Status, output.Text)
	require.NoError(t, json.Unmarshal([]byte(output.Text), &p), output.Text)
	assert.Equal(t, p.OK, output.Status == 0)
	return p
}

// checks returns the checks of the findings, each with the mode of its session.
func (p probed) checks() (list []string) {
	for _, s := range p.Sessions {
		for _, f := range s.Findings {
			list = append(list, s.Mode+" "+f.Check)
		}
	}
	return list
}

func newProbed(t *testing.T, opts lab.Options) *cluster {
	need.Root(t)
	need.Programs(t, "ip", "vsftpd")
	c := &cluster{lab: lab.New(t, opts), passivePorts: defaultRange, scheduler: "wlc", persistence: "5m", marks: "every-packet", translate: "snat"}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.lab.Logs())
		}
	})
	require.NoError(t, c.lab.WriteSpec(c.spec()))
	return c
}

// probeServer probes the first real server in all modes, plain and with TLS.
func (c *cluster) probeServer(t *testing.T, security []string) {
	trust := filepath.Join(c.lab.Dir, "trust.pem")
	for _, f := range c.lab.Families {
		address := c.lab.Servers[0].Address(f).String()
		for _, kind := range security {
			t.Run(f.String()+" "+kind, func(t *testing.T) {
				args := []string{"server", "ftp", address, "--mode", "all"}
				if kind != "" {
					args = append(args, strings.Fields("--ca-file "+trust+" "+kind)...)
				}
				p := probe(t, c.lab, c.lab.Director, args...)
				assert.Len(t, p.Sessions, len(lab.Modes(f)))
				assert.True(t, p.OK, "%+v", p)
			})
		}
	}
}

var allTLS = []string{
	"", "--require-reuse --tls explicit", "--require-reuse --tls explicit --tls-max 1.2",
	"--require-reuse --tls implicit", "--require-reuse --tls implicit --tls-max 1.2",
}

// TestProbeServer: probe server succeeds with each FTP server, and resumes the TLS session,
// which vsftpd and proftpd require. pure-ftpd issues no tickets with TLS 1.3.
func TestProbeServer(t *testing.T) {
	if testing.Short() {
		t.Skip("needs no IPVS")
	}
	t.Run("vsftpd", func(t *testing.T) {
		c := newProbed(t, lab.Options{RealServers: 1})
		require.NoError(t, c.lab.StartFTP(21, 990))
		c.probeServer(t, allTLS)
	})
	for _, settings := range []string{"TLSProtocol TLSv1.2 TLSv1.3", "TLSProtocol TLSv1.2\nTLSSessionTickets on"} {
		t.Run("proftpd "+settings, func(t *testing.T) {
			c := newProbed(t, lab.Options{RealServers: 1, ProftpdTLS: settings})
			c.startOther(t, "proftpd")
			c.probeServer(t, allTLS[:2])
		})
	}
	t.Run("pure-ftpd", func(t *testing.T) {
		c := newProbed(t, lab.Options{RealServers: 1})
		c.startOther(t, "pure-ftpd")
		c.probeServer(t, []string{"", "--tls explicit", "--require-reuse --tls explicit --tls-max 1.2"})
	})
}

func (c *cluster) startOther(t *testing.T, program string) {
	need.Programs(t, program)
	require.NoError(t, c.lab.StartOther(program))
}

// TestProbeWithoutTickets: proftpd with TLS 1.2 identifies sessions without tickets and refuses
// data connections of the client. The finding says what the client needs.
func TestProbeWithoutTickets(t *testing.T) {
	if testing.Short() {
		t.Skip("needs no IPVS")
	}
	c := newProbed(t, lab.Options{RealServers: 1, Families: []config.Family{config.IPv4}, ProftpdTLS: "TLSProtocol TLSv1.2"})
	c.startOther(t, "proftpd")
	p := probe(t, c.lab, c.lab.Director, "server", "ftp", c.lab.Servers[0].Address(config.IPv4).String(), "--tls", "explicit", "--insecure")
	require.False(t, p.OK)
	require.Equal(t, []string{"pasv list"}, p.checks(), "%+v", p)
	assert.Contains(t, p.Sessions[0].Findings[0].Message, "TLSSessionTickets on")
}

// TestProbeVIPOther: probe vip succeeds through the director with proftpd, which requires that
// data connections resume the TLS session, and with pure-ftpd, which does not.
func TestProbeVIPOther(t *testing.T) {
	for _, program := range []string{"proftpd", "pure-ftpd"} {
		t.Run(program, func(t *testing.T) {
			c := newCluster(t, lab.Options{ProftpdTLS: "TLSProtocol TLSv1.2 TLSv1.3"})
			c.translate = "snat"
			require.NoError(t, c.lab.Apply(c.spec()))
			c.startOther(t, program)
			for _, kind := range [][]string{nil, {"--tls", "explicit", "--insecure"}} {
				p := probe(t, c.lab, c.lab.Client, append([]string{"vip", "ftp", "--mode", "all"}, kind...)...)
				assert.Len(t, p.Sessions, 6)
				assert.True(t, p.OK, "%v: %+v", kind, p)
			}
		})
	}
}

// TestProbeVIPDirect: with direct and tunnel, clients get the VIP in the reply to PASV and as
// the source of active data.
func TestProbeVIPDirect(t *testing.T) {
	for _, forwarding := range []config.Forwarding{config.Direct, config.Tunnel} {
		t.Run(forwarding.String(), func(t *testing.T) {
			c := newCluster(t, lab.Options{Forwarding: forwarding})
			c.start(t)
			p := probe(t, c.lab, c.lab.Client, "vip", "ftp", "--mode", "all")
			assert.Len(t, p.Sessions, 6)
			assert.True(t, p.OK, "%+v", p)
			p = probe(t, c.lab, c.lab.Director, "server", "ftp", c.lab.Servers[1].Address(config.IPv4).String(), "--mode", "all")
			assert.Len(t, p.Sessions, 4)
			assert.True(t, p.OK, "%+v", p)
		})
	}
}

// TestProbeUser: a user with a password file logs in and retrieves a file. The password is in
// no output.
func TestProbeUser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs no IPVS")
	}
	need.Programs(t, "openssl")
	users, password := filepath.Join(t.TempDir(), "users"), filepath.Join(t.TempDir(), "password")
	c := newProbed(t, lab.Options{
		RealServers: 1, Families: []config.Family{config.IPv4},
		ProftpdTLS: "TLSProtocol TLSv1.2 TLSv1.3\nAuthOrder mod_auth_file.c\nRequireValidShell off\nAuthUserFile " + users,
	})
	hash, err := c.lab.Director.Run("openssl", "passwd", "-6", "s3cret word")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(users, []byte("monitor:"+strings.TrimSpace(hash)+":65534:65534::/srv/ftp:/bin/false\n"), 0o600))
	c.startOther(t, "proftpd")
	for line, want := range map[string][]string{"s3cret word\nmore": nil, "another": {"pasv login"}} {
		require.NoError(t, os.WriteFile(password, []byte(line), 0o600))
		p := probe(t, c.lab, c.lab.Director, "server", "ftp", c.lab.Servers[0].Address(config.IPv4).String(), "--tls", "explicit", "--insecure",
			"--user", "monitor", "--password-file", password, "--retrieve", lab.DataFile)
		assert.Equal(t, want, p.checks(), "%+v", p)
		assert.NotContains(t, fmt.Sprint(p), strings.Fields(line)[0])
	}
}

package integration_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestSourceNAT: real servers without a route to the clients serve them, passive. With a
// route, active data works too. The director's own connections to a real server are not
// translated.
func TestSourceNAT(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "vsftpd", "curl")
	l := lab.New(t, lab.Options{OneArmed: true, RealServers: 1, FTPSettings: "port_promiscuous=YES\none_process_model=YES\n"})
	s := &oneArmed{l, l.Servers[0]}
	require.NoError(t, l.Apply(s.spec("masquerade")))
	require.NoError(t, l.StartFTP(21))
	require.NoError(t, os.WriteFile(filepath.Join(s.server.Dir, "who"), []byte("rs1"), 0o644))
	conntrack, err := l.Director.Sysctl("net.ipv4.vs.conntrack")
	require.NoError(t, err)
	assert.Equal(t, "1", conntrack)

	for _, f := range l.Families {
		assert.NoError(t, s.get(l.Client, f))
		assert.Equal(t, []netip.Addr{lab.Inside(f)}, s.seen(t, f), "masquerade")
	}
	require.NoError(t, l.Apply(s.spec("none")))
	conntrack, err = l.Director.Sysctl("net.ipv4.vs.conntrack")
	require.NoError(t, err)
	assert.Equal(t, "0", conntrack, "put back")
	for _, f := range l.Families {
		assert.Error(t, s.getFails(l.Client, f), "without source-nat, replies have no route")
	}

	fromClients := s.fromClients(t)
	assert.NotZero(t, fromClients, "without source-nat, real servers see clients")
	require.NoError(t, l.Apply(s.spec("snat")))
	require.NoError(t, s.server.RouteThroughDirector())
	require.NoError(t, l.StopFTP())
	require.NoError(t, l.StartFTP(21))
	for _, f := range l.Families {
		assert.NoError(t, s.get(l.Client, f))
		assert.NoError(t, s.get(l.Client, f, "--ftp-port", "-"), "active")
		if f == config.IPv4 {
			assert.NoError(t, s.get(l.Client, f, "--disable-epsv"))
			assert.NoError(t, s.get(l.Client, f, "--disable-eprt", "--ftp-port", "-"))
		}
		assert.Contains(t, s.seen(t, f), lab.VIP(f), "snat")
	}
	assert.Equal(t, fromClients, s.fromClients(t), "no connection more from the address of a client")
	for _, f := range l.Families {
		_, err := l.Director.Run("curl", "--silent", "--show-error", "--max-time", "300", fmt.Sprintf("ftp://%s/who", netip.AddrPortFrom(s.server.Address(f), 21)))
		assert.NoError(t, err)
	}
	if t.Failed() {
		t.Log(l.Logs())
	}
}

// A oneArmed is a lab with one FTP server.
type oneArmed struct {
	lab    *lab.Lab
	server *lab.RealServer
}

func (s *oneArmed) spec(sourceNAT string, director ...string) string {
	var vips, servers []string
	for _, f := range s.lab.Families {
		vips = append(vips, fmt.Sprintf("%q", lab.VIP(f)))
		servers = append(servers, fmt.Sprintf("{address: %q}", s.server.Address(f)))
	}
	return fmt.Sprintf("clusters: [{name: ftp, mark: 21, vips: [%s], vip-device: %s, ftp: , source-nat: %s, real-servers: [%s]}]\n%s\n",
		strings.Join(vips, ", "), lab.OutgoingDevice, sourceNAT, strings.Join(servers, ", "), strings.Join(director, "\n"))
}

// get downloads a file from the VIP. curl waits long, because the machine may be emulated and busy.
func (s *oneArmed) get(from *lab.Host, f config.Family, options ...string) error {
	return s.getWithin("300", from, f, options...)
}

// getFails is get without an answer.
func (s *oneArmed) getFails(from *lab.Host, f config.Family) error {
	return s.getWithin("20", from, f)
}

func (s *oneArmed) getWithin(limit string, from *lab.Host, f config.Family, options ...string) error {
	out, err := from.Run("curl", append([]string{"--silent", "--show-error", "--max-time", limit, fmt.Sprintf("ftp://%s/who", netip.AddrPortFrom(lab.VIP(f), 21))}, options...)...)
	if err == nil && out != "rs1" {
		err = fmt.Errorf("got %q", out)
	}
	return err
}

// seen returns the sources of connections to the real server, without its own.
func (s *oneArmed) seen(t *testing.T, f config.Family) []netip.Addr {
	t.Helper()
	in, _, err := s.server.Connections()
	require.NoError(t, err)
	var sources []netip.Addr
	for _, c := range in {
		if a := c.From.Addr(); config.FamilyOf(a) == f && a != s.server.Address(f) {
			sources = append(sources, a)
		}
	}
	slices.SortFunc(sources, netip.Addr.Compare)
	return slices.Compact(sources)
}

// fromClients returns the number of connections from clients to the real server.
func (s *oneArmed) fromClients(t *testing.T) int {
	t.Helper()
	in, _, err := s.server.Connections()
	require.NoError(t, err)
	n := 0
	for _, c := range in {
		a, f := c.From.Addr(), config.FamilyOf(c.From.Addr())
		if a != s.server.Address(f) && a != lab.Inside(f) && a != lab.VIP(f) {
			n++
		}
	}
	return n
}

// TestLocalClients: with local-clients, a program of the director reaches a cluster with
// source-nat, also if the VIP is not an address of the director.
func TestLocalClients(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "vsftpd", "curl")
	l := lab.New(t, lab.Options{OneArmed: true, RealServers: 1})
	s := &oneArmed{l, l.Servers[0]}
	require.NoError(t, l.Apply(s.spec("masquerade", "director: {local-clients: true}")))
	require.NoError(t, l.StartFTP(21))
	require.NoError(t, os.WriteFile(filepath.Join(s.server.Dir, "who"), []byte("rs1"), 0o644))
	for _, f := range l.Families {
		assert.NoError(t, s.get(l.Director, f))
		assert.NoError(t, s.get(l.Client, f), "from outside")
	}
	require.NoError(t, l.Apply(s.spec("masquerade")))
	for _, f := range l.Families {
		assert.Error(t, s.getFails(l.Director, f), "connection tracking knows the connection before IPVS")
	}
	elsewhere := strings.Replace(s.spec("masquerade", "director: {local-clients: true}"), "vip-device: wan, ", "", 1)
	require.NoError(t, l.Apply(elsewhere))
	for _, f := range l.Families {
		_, err := l.Director.Run("ip", "route", "add", fmt.Sprintf("%s/%d", lab.VIP(f), f.Bits()), "dev", lab.OutgoingDevice)
		require.NoError(t, err)
		assert.NoError(t, s.get(l.Director, f), "a VIP that is not an address of the director")
	}
	if t.Failed() {
		t.Log(l.Logs())
	}
}

// TestLocalClientsByForwarding: with nat and no source-nat, a real server needs a route to
// the VIP, by which it answers; with direct and tunnel, the director must accept packets
// with the address of the VIP, and its client must use another address.
func TestLocalClientsByForwarding(t *testing.T) {
	for _, method := range []config.Forwarding{config.NAT, config.Direct, config.Tunnel} {
		t.Run(method.String(), func(t *testing.T) {
			need.IPVS(t)
			need.Programs(t, "ip", "nft", "vsftpd", "curl")
			l := lab.New(t, lab.Options{RealServers: 1, Forwarding: method, Families: []config.Family{config.IPv4}})
			s := &oneArmed{l, l.Servers[0]}
			spec := strings.Replace(s.spec("none", "director: {local-clients: true}"), "ftp: ,", "ftp: , forwarding: "+method.String()+",", 1)
			require.NoError(t, l.Apply(spec))
			require.NoError(t, l.StartFTP(21))
			require.NoError(t, os.WriteFile(filepath.Join(s.server.Dir, "who"), []byte("rs1"), 0o644))
			inside := lab.Inside(config.IPv4).String()
			if method == config.NAT {
				assert.NoError(t, s.get(l.Director, config.IPv4))
			} else {
				assert.Error(t, s.getFails(l.Director, config.IPv4), "from the VIP")
				require.NoError(t, l.Director.Sysctls(map[string]string{"net.ipv4.conf.all.accept_local": "1", "net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.wan.rp_filter": "0", "net.ipv4.conf.lan.rp_filter": "0"}))
				assert.NoError(t, s.get(l.Director, config.IPv4, "--interface", inside))
			}
			assert.NoError(t, s.get(l.Client, config.IPv4), "from outside")
			if t.Failed() {
				t.Log(l.Logs())
			}
		})
	}
}

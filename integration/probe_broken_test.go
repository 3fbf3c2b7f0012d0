package integration_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestProbeBrokenServer: vsftpd with settings that break a cluster with nat, each of which
// probe server finds.
func TestProbeBrokenServer(t *testing.T) {
	if testing.Short() {
		t.Skip("needs no IPVS")
	}
	c := newProbed(t, lab.Options{RealServers: 1, Families: []config.Family{config.IPv4}})
	server := c.lab.Servers[0]
	for _, test := range []struct {
		settings string
		args     []string
		want     []string
	}{
		{"", []string{"--mode", "all"}, nil},
		{"pasv_address=10.0.0.11\n", []string{"--mode", "all"}, []string{"pasv passive-address"}},
		{"pasv_min_port=30000\npasv_max_port=30010\n", []string{"--mode", "all"}, []string{"pasv passive-port", "epsv passive-port"}},
		{"connect_from_port_20=NO\n", []string{"--mode", "all"}, []string{"port active-port", "eprt active-port"}},
		{"pasv_enable=NO\n", nil, []string{"pasv pasv"}},
		{"port_enable=NO\n", []string{"--mode", "all"}, []string{"port port", "eprt eprt"}},
		{"anonymous_enable=NO\nlocal_enable=YES\n", nil, []string{"pasv login"}},
		{"anon_root=/nonexistent\n", nil, []string{"pasv login"}},
		{"ssl_enable=NO\n", []string{"--tls", "explicit", "--insecure"}, []string{"pasv auth-tls"}},
		{"ssl_enable=NO\n", []string{"--tls", "implicit", "--insecure"}, []string{"pasv tls"}},
		{"", []string{"--retrieve", "missing"}, []string{"pasv retrieve"}},
		{"", []string{"--tls", "explicit"}, []string{"pasv certificate"}},
	} {
		require.NoError(t, c.lab.StopFTP())
		c.lab.FTPSettings = test.settings
		require.NoError(t, c.lab.StartFTP(21, 990))
		p := probe(t, c.lab, c.lab.Director, append([]string{"server", "ftp", server.Address(config.IPv4).String()}, test.args...)...)
		assert.Equal(t, test.want, p.checks(), "%s%v: %+v", test.settings, test.args, p)
	}

	require.NoError(t, c.lab.StopFTP())
	c.lab.FTPSettings = "ftpd_banner=\x1b[31mred\n"
	require.NoError(t, c.lab.StartFTP(21, 990))
	for _, format := range []string{"text", "json"} {
		output, err := c.lab.Lvsmark("probe", "--netns", c.lab.Director.NetNS, "server", "ftp", server.Address(config.IPv4).String(), "-o", format)
		require.NoError(t, err)
		assert.Regexp(t, `220 \\{1,2}x1b\[31mred`, output.Text)
		assert.NotContains(t, output.Text, "\x1b")
	}

	require.NoError(t, server.SuspendFTP())
	p := probe(t, c.lab, c.lab.Director, "server", "ftp", server.Address(config.IPv4).String(), "--timeout", "10s")
	assert.Equal(t, []string{"pasv greeting"}, p.checks())
	require.NoError(t, server.ResumeFTP())
}

// TestProbeVIP: probe vip from a client succeeds in all modes, plain and with TLS, and finds
// what does not work through the director.
func TestProbeVIP(t *testing.T) {
	need.IPVS(t)
	c := newCluster(t, lab.Options{})
	c.translate = "snat"
	c.start(t)
	for _, kind := range [][]string{nil, {"--tls", "explicit", "--require-reuse"}, {"--tls", "implicit", "--require-reuse"}} {
		args := []string{"vip", "ftp", "--mode", "all"}
		if kind != nil {
			args = append(append(args, kind...), "--ca-file", c.lab.Dir+"/trust.pem")
		}
		p := probe(t, c.lab, c.lab.Client, args...)
		assert.Len(t, p.Sessions, 6)
		assert.True(t, p.OK, "%v: %+v", kind, p)
	}

	c.translate = "masquerade"
	c.start(t)
	p := probe(t, c.lab, c.lab.Client, "vip", "ftp", "--mode", "all", "--vip", lab.VIP(config.IPv4).String())
	assert.Equal(t, []string{"port active-source", "eprt active-source"}, p.checks(), "%+v", p)

	c.scheduler, c.persistence = "rr", "0" // data connections reach the other real server
	c.start(t)
	p = probe(t, c.lab, c.lab.Client, "vip", "ftp", "--mode", "pasv,epsv", "--vip", lab.VIP(config.IPv4).String())
	assert.Equal(t, []string{"pasv data-connect", "epsv data-connect"}, p.checks(), "%+v", p)
}

// TestProbePage: the commands in docs/probe.md print what the page shows, with other times and
// ports.
func TestProbePage(t *testing.T) {
	if testing.Short() {
		t.Skip("needs no IPVS")
	}
	page, err := os.ReadFile("../docs/probe.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```console\n\\$ lvsmark (.*?)\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 2)
	c := newProbed(t, lab.Options{RealServers: 1})
	named := strings.Replace(c.spec(), `{address: "10.0.0.11"}`, `{address: "10.0.0.11", name: rs1}`, 1)
	require.NoError(t, c.lab.WriteSpec(named))
	for i, settings := range []string{"", "pasv_min_port=30000\npasv_max_port=30010\n"} {
		require.NoError(t, c.lab.StopFTP())
		c.lab.FTPSettings = settings
		require.NoError(t, c.lab.StartFTP(21, 990))
		output, err := c.lab.Lvsmark(append(strings.Fields(blocks[i][1]), "--netns", c.lab.Director.NetNS)...)
		require.NoError(t, err)
		assert.Equal(t, i, output.Status)
		assert.Equal(t, masked(blocks[i][2]), masked(output.Text))
	}
}

// masked replaces times, ports and sizes, which differ in each run.
func masked(text string) string {
	text = regexp.MustCompile(` *[0-9.]+ ms`).ReplaceAllString(text, " T ms")
	text = regexp.MustCompile(`(:[1-9]\d{2,4}|,\d+,\d+\)|port \d+|\d+ bytes)`).ReplaceAllString(text, "N")
	return text
}

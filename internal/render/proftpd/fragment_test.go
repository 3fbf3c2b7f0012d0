package proftpd_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/ftpserver"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/internal/render/proftpd"
)

const spec = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21, 198.51.100.22, "2001:db8::21"]
    ftp: {control-ports: [21, 990], passive-ports: 600-20000}
    real-servers:
      - {name: rs1, address: 10.0.0.11}
      - {address: "fd00::11"}
`

func rendered(t *testing.T, text, server string) (string, error) {
	t.Helper()
	parsed, _, err := config.Parse("spec.yaml", strings.NewReader(text))
	require.NoError(t, err)
	return proftpd.Target().Render(parsed, render.Options{Server: server})
}

// settings returns the lines that are not comments.
func settings(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" && !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestFragment(t *testing.T) {
	text, err := rendered(t, spec, "")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(text, "# proftpd.conf on every real server of cluster ftp (mark 21)\n"), text)
	assert.Equal(t, "PassivePorts 1024 20000\nMasqueradeAddress 198.51.100.21\nRootRevoke off\n", settings(text))
	assert.Contains(t, text, "# Port 990 needs a server of its own")
	assert.Contains(t, text, "only one of the cluster's 2 IPv4 VIPs")
	assert.Contains(t, text, "# For control port 990 that is 989, whose source the director does not translate")

	// Real servers of IPv6 have no PASV.
	text, err = rendered(t, spec, "fd00::11")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(text, "# proftpd.conf on real server fd00::11 of cluster ftp (mark 21)\n"), text)
	assert.Equal(t, "PassivePorts 1024 20000\nRootRevoke off\n", settings(text))

	_, err = rendered(t, spec, "rs9")
	require.EqualError(t, err, `cluster ftp has no real server "rs9": it has rs1, fd00::11`)

	text, err = rendered(t, strings.Replace(spec, "[21, 990]", "[990]", 1), "rs1")
	require.NoError(t, err)
	assert.Equal(t, "Port 990\nTLSOptions UseImplicitSSL\nPassivePorts 1024 20000\nMasqueradeAddress 198.51.100.21\nRootRevoke off\n", settings(text))

	text, err = rendered(t, strings.Replace(spec, "[21, 990]", "[2121]", 1), "")
	require.NoError(t, err)
	assert.Contains(t, text, "# For control port 2121 that is 2120, whose source the director does not translate")

	text, err = rendered(t, spec+"    forwarding: direct\n", "")
	require.NoError(t, err)
	assert.Equal(t, "PassivePorts 1024 20000\nRootRevoke off\n", settings(text))

	assert.NotContains(t, text, "source-nat")
	text, err = rendered(t, spec+"    source-nat: masquerade\n", "")
	require.NoError(t, err)
	assert.Contains(t, text, "#   AllowForeignAddress on\n")

	_, err = rendered(t, strings.Replace(spec, "600-20000", "600-1000", 1), "")
	assert.EqualError(t, err, "cluster ftp: proftpd supports no passive port below 1024: choose higher passive-ports than 600-1000")
}

// TestReadBack: the reader of proftpd.conf finds the ports and the address.
func TestReadBack(t *testing.T) {
	text, err := rendered(t, spec, "")
	require.NoError(t, err)
	c, err := ftpserver.Read("f", text)
	require.NoError(t, err)
	assert.Contains(t, dump.Config(c), "proftpd passive 1024-20000, address 198.51.100.21, active 20, listen 21")
}

// TestOnePort: proftpd refuses to start with a range of one port (set_passiveports of mod_core.c),
// be it the whole range, what is above 1023, or a shard.
func TestOnePort(t *testing.T) {
	const refused = "proftpd refuses a range of one passive port, here "
	for ports, port := range map[string]string{"30000": "30000", "900-1024": "1024", "10000-10003, passive-shards: 4": "10000", "10000-10005, passive-shards: 4": "10000"} {
		_, err := rendered(t, strings.Replace(spec, "600-20000", ports, 1), "rs1")
		assert.ErrorContains(t, err, "cluster ftp: "+refused+port+": give it more passive-ports, or fewer passive-shards", ports)
	}
	last := strings.NewReplacer("600-20000", "10000-10004, passive-shards: 4", "address: 10.0.0.11", "address: 10.0.0.11, shard: 3").Replace(spec)
	text, err := rendered(t, last, "rs1")
	require.NoError(t, err, "the last shard has the ports that remain")
	assert.Contains(t, text, "PassivePorts 10003 10004\n")
}

package pureftpd_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/ftpserver"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/internal/render/pureftpd"
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
	return pureftpd.Target().Render(parsed, render.Options{Server: server})
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
	assert.True(t, strings.HasPrefix(text, "# pure-ftpd.conf on every real server of cluster ftp (mark 21)\n"), text)
	assert.Equal(t, "PassivePortRange 1024 20000\nForcePassiveIP 198.51.100.21\n", settings(text))
	assert.Contains(t, text, "# Argument: -p 1024:20000\n")
	assert.Contains(t, text, "# Argument: -P 198.51.100.21\n")
	assert.Contains(t, text, "# Port 990 needs a pure-ftpd of its own, with -S ,990 in addition.\n")
	assert.Contains(t, text, "only one of the cluster's 2 IPv4 VIPs")
	assert.NotContains(t, text, "does not translate")

	// Real servers of IPv6 have no PASV.
	text, err = rendered(t, spec, "fd00::11")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(text, "# pure-ftpd.conf on real server fd00::11 of cluster ftp (mark 21)\n"), text)
	assert.Equal(t, "PassivePortRange 1024 20000\n", settings(text))

	text, err = rendered(t, strings.Replace(spec, "[21, 990]", "[2121]", 1), "")
	require.NoError(t, err)
	assert.Equal(t, "Bind ,2121\nPassivePortRange 1024 20000\nForcePassiveIP 198.51.100.21\n", settings(text))

	text, err = rendered(t, strings.Replace(spec, "{control-ports: [21, 990], ", "{active-data: {ports: [989]}, control-ports: [990], ", 1), "")
	if assert.NoError(t, err) {
		assert.Contains(t, text, "The director does not translate its source: add 20 to active-data.ports of the spec.")
	}

	text, err = rendered(t, spec+"    forwarding: direct\n", "")
	require.NoError(t, err)
	assert.Equal(t, "PassivePortRange 1024 20000\n", settings(text))

	assert.NotContains(t, text, "source-nat")
	text, err = rendered(t, spec+"    source-nat: masquerade\n", "")
	require.NoError(t, err)
	assert.Contains(t, text, "#   AllowAnonymousFXP yes\n")

	_, err = rendered(t, strings.Replace(spec, "600-20000", "600-1000", 1), "")
	assert.EqualError(t, err, "cluster ftp: pure-ftpd supports no passive port below 1024: choose higher passive-ports than 600-1000")
}

// TestReadBack: the reader of pure-ftpd.conf finds the ports and the address.
func TestReadBack(t *testing.T) {
	text, err := rendered(t, spec, "")
	require.NoError(t, err)
	c, err := ftpserver.Read("f", text)
	require.NoError(t, err)
	assert.Contains(t, dump.Config(c), "pure-ftpd passive 1024-20000, address 198.51.100.21, active 20, listen 21")
}

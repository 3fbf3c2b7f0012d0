package nft_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
)

// TestActivePriority has another program masquerade the real servers: active data gets the
// VIP as source, whichever program was first.
func TestActivePriority(t *testing.T) {
	need.Programs(t, "ip")
	const (
		spec  = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: {active-data: {translate: snat}}, real-servers: [{address: 10.0.0.11}]}]\n"
		other = "table ip other { chain post { type nat hook postrouting priority srcnat; ip saddr 10.0.0.0/24 masquerade; }; }"
	)
	want := rehearse(t, parse(t, spec))
	for name, otherFirst := range map[string]bool{"other first": true, "lvsmark first": false} {
		t.Run(name, func(t *testing.T) {
			inScratch(t, func() {
				scratch.Run(t, "", "ip", "link", "set", "lo", "up")
				for _, address := range []string{"198.51.100.21", "198.51.100.10", "10.0.0.11"} {
					scratch.Run(t, "", "ip", "address", "add", address+"/32", "dev", "lo")
				}
				if otherFirst {
					run(t, other, "-f", "-")
				}
				apply(t, dial(t), want)
				if !otherFirst {
					run(t, other, "-f", "-")
				}
				assert.Equal(t, "198.51.100.21", activeSource(t))
			})
		})
	}
}

// activeSource returns the source address of a connection that the real server opens from
// port 20, as the client sees it.
func activeSource(t *testing.T) string {
	t.Helper()
	client, err := net.Listen("tcp4", "198.51.100.10:4000")
	require.NoError(t, err)
	defer client.Close()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.11:20")), Timeout: time.Minute}
	server, err := dialer.Dial("tcp4", "198.51.100.10:4000")
	require.NoError(t, err)
	defer server.Close()
	conn, err := client.Accept()
	require.NoError(t, err)
	defer conn.Close()
	return conn.RemoteAddr().(*net.TCPAddr).IP.String()
}

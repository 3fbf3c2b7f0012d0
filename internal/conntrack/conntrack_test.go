package conntrack

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
)

// TestTranslated has the kernel translate one connection of three: not one to another
// port, and not one that has ended.
func TestTranslated(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft", "ip")
	scratch.Do(t, func() {
		scratch.Run(t, "", "ip", "link", "set", "lo", "up")
		first, ended, other := listen(t), listen(t), listen(t)
		scratch.Run(t, `table ip nat {
			chain postrouting {
				type nat hook postrouting priority srcnat
				tcp dport { `+first.port()+`, `+ended.port()+` } snat to 127.0.0.2
				tcp dport `+other.port()+` counter accept
			}
		}`, "nft", "-f", "-")

		sources, err := Translated(config.IPv4)
		require.NoError(t, err)
		assert.Empty(t, sources)

		want := first.connect(t)
		ended.connect(t)
		ended.close()
		other.connect(t)
		sources, err = Translated(config.IPv4)
		require.NoError(t, err)
		assert.Equal(t, []netip.AddrPort{want}, sources)
		sources, err = Translated(config.IPv6)
		require.NoError(t, err)
		assert.Empty(t, sources)
	})
}

// A listener has connections to itself.
type listener struct {
	net.Listener
	ends []net.Conn
}

func listen(t *testing.T) *listener {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	return &listener{Listener: l}
}

func (l *listener) port() string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// connect returns the source of a new connection.
func (l *listener) connect(t *testing.T) netip.AddrPort {
	t.Helper()
	client, err := net.Dial("tcp4", l.Addr().String())
	require.NoError(t, err)
	server, err := l.Accept()
	require.NoError(t, err)
	l.ends = append(l.ends, client, server)
	t.Cleanup(l.close)
	return client.LocalAddr().(*net.TCPAddr).AddrPort()
}

func (l *listener) close() {
	_ = l.Listener.Close()
	for _, end := range l.ends {
		_ = end.Close()
	}
}

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

// TestTranslated: of the connections of a family, only established ones with a translated
// source are listed.
func TestTranslated(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft", "ip")
	scratch.Do(t, func() {
		scratch.Run(t, "", "ip", "link", "set", "lo", "up")
		scratch.Run(t, "", "ip", "address", "add", "fd00::2/128", "dev", "lo", "nodad")
		scratch.Run(t, `
			table ip nat { chain postrouting {
				type nat hook postrouting priority srcnat
				th dport != 9 snat to 127.0.0.2
			}; }
			table ip6 nat { chain postrouting {
				type nat hook postrouting priority srcnat
				th dport != 9 snat to fd00::2
			}; }`, "nft", "-f", "-")
		for family, address := range map[config.Family]string{config.IPv4: "127.0.0.1", config.IPv6: "[::1]"} {
			sources, err := Translated(family)
			require.NoError(t, err)
			assert.Empty(t, sources)
			l := listen(t, address+":0")
			want := l.connect(t)
			ended := listen(t, address+":0")
			ended.connect(t)
			ended.close()
			listen(t, address+":9").connect(t)
			udp, err := net.Dial("udp", address+":53")
			require.NoError(t, err)
			_, err = udp.Write([]byte("x"))
			require.NoError(t, err)
			require.NoError(t, udp.Close())

			sources, err = Translated(family)
			require.NoError(t, err)
			assert.Equal(t, []netip.AddrPort{want}, sources)
		}
	})
}

// A listener holds both ends of the connections to it.
type listener struct {
	net.Listener
	ends []net.Conn
}

func listen(t *testing.T, address string) *listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	return &listener{Listener: l}
}

// connect returns the source of a new connection.
func (l *listener) connect(t *testing.T) netip.AddrPort {
	t.Helper()
	client, err := net.Dial("tcp", l.Addr().String())
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

package hostcheck

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/route"
)

// TestFailedQuestions asks for a route by a closed connection: each check returns the error. The
// next question of a connection would open it again.
func TestFailedQuestions(t *testing.T) {
	need.Root(t)
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(`{clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}], director: {bind: false}}`))
	require.NoError(t, err)
	b := spec.Bindings(config.IPv4)[0]
	server := b.RealServers[0]
	host := Host{Value: func(string, string) string { return "1" }}
	rule := func(routes *route.Table) markRule {
		return markRule{Host: host, beforeLocal: true, firstOnly: true, routes: routes}
	}
	for name, check := range map[string]func(*route.Table) error{
		"VIPs":          func(routes *route.Table) error { _, _, err := rule(routes).vips(b); return err },
		"later packets": func(routes *route.Table) error { _, _, err := rule(routes).laterPackets(b); return err },
		"real servers":  func(routes *route.Table) error { _, _, err := rule(routes).servers(b); return err },
		"with a mark":   func(routes *route.Table) error { _, _, err := rule(routes).route(server.Address, 21); return err },
		"local":         func(routes *route.Table) error { _, err := IsLocal(routes.To, b.VIPs[0].First, b.Mark); return err },
		"device":        func(routes *route.Table) error { _, err := deviceTo(server.Address, nil, routes); return err },
		"replies": func(routes *route.Table) error {
			r := replies{Host: host, routes: routes, asked: map[[2]netip.Addr]bool{}}
			return r.fromServer(server, b.Cluster, netip.MustParseAddr("203.0.113.1"))
		},
		"answers of clients": func(routes *route.Table) error {
			r := replies{Host: host, routes: routes, devices: []net.Interface{{Name: "d0"}}} // the device of a client without a known route
			return r.toServer(server, b.Cluster, netip.MustParseAddr("2001:db8::1"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			scratch.Do(t, func() {
				routes, err := route.Open()
				require.NoError(t, err)
				require.NoError(t, routes.Close())
				assert.Error(t, check(routes))
			})
		})
	}
}

// TestUnreadableRules has no file descriptor left for the list of rules.
func TestUnreadableRules(t *testing.T) {
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	t.Cleanup(func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) })
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Max: limit.Max}))
	_, err := Host{}.rules(&config.Spec{}, nil, nil)
	assert.ErrorIs(t, err, unix.EMFILE)
}

// TestDeviceTo looks for the only device of a list.
func TestDeviceTo(t *testing.T) {
	need.Root(t)
	scratch.Do(t, func() {
		scratch.Run(t, "", "ip", "link", "set", "lo", "up")
		lo, err := net.InterfaceByName("lo")
		require.NoError(t, err)
		routes, err := route.Open()
		require.NoError(t, err)
		defer routes.Close()
		name, err := deviceTo(netip.MustParseAddr("127.0.0.2"), []net.Interface{*lo}, routes)
		require.NoError(t, err)
		assert.Equal(t, "lo", name)
		name, err = deviceTo(netip.MustParseAddr("127.0.0.2"), nil, routes)
		require.NoError(t, err)
		assert.Empty(t, name)
	})
}

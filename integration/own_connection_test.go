package integration_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestOwnConnections: a program of the director connects from a VIP and a port of the
// passive range, and its connection works. Without the rule for it, IPVS sends the answer
// to a real server.
func TestOwnConnections(t *testing.T) {
	for _, method := range []config.Forwarding{config.NAT, config.Direct, config.Tunnel} {
		t.Run(method.String(), func(t *testing.T) {
			need.IPVS(t)
			need.Programs(t, "ip", "nft")
			l := lab.New(t, lab.Options{Families: []config.Family{config.IPv4}})
			require.NoError(t, l.Apply(strings.Replace(impactSpec, "    scheduler: rr\n", "    scheduler: rr\n    forwarding: "+method.String()+"\n", 1)))
			tr := newTraffic(t, l, 2121)
			client, err := l.ClientAddress(config.IPv4)
			require.NoError(t, err)
			to, vip := netip.AddrPortFrom(client, 2121), lab.VIP(config.IPv4)
			for _, port := range []uint16{10000, 10050, 10100} {
				s := tr.dial("tcp4", l.Director, netip.AddrPortFrom(vip, port), to, successTimeout)
				require.NotNil(t, s, "port %d", port)
				assert.True(t, s.isAlive())
			}
			require.NoError(t, l.Director.Sysctls(map[string]string{"net.ipv4.vs.sloppy_tcp": "1"}))
			assert.Nil(t, tr.dial("tcp4", l.Director, netip.AddrPortFrom(vip, 10020), to, failureTimeout), "with sloppy_tcp, of which there is a warning")
			require.NoError(t, l.Director.Sysctls(map[string]string{"net.ipv4.vs.sloppy_tcp": "0"}))

			deleteAnswerRule(t, l)
			assert.Nil(t, tr.dial("tcp4", l.Director, netip.AddrPortFrom(vip, 10010), to, failureTimeout), "without the rule")
			assert.NotNil(t, tr.dial("tcp4", l.Director, netip.AddrPortFrom(vip, 30000), to, successTimeout), "outside the range")
		})
	}
}

func deleteAnswerRule(t *testing.T, l *lab.Lab) {
	t.Helper()
	rules, err := l.Director.Run("nft", "-a", "list", "chain", "ip", "lvsmark", "prerouting")
	require.NoError(t, err)
	_, rest, found := strings.Cut(rules, "socket wildcard 0")
	require.True(t, found, rules)
	_, rest, _ = strings.Cut(rest, "# handle ")
	handle, _, _ := strings.Cut(rest, "\n")
	_, err = l.Director.Run("nft", "delete", "rule", "ip", "lvsmark", "prerouting", "handle", handle)
	require.NoError(t, err)
}

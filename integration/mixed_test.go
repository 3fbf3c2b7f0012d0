package integration_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
)

// TestMixedFTP transfers files through a cluster with a real server of each forwarding
// method, and two passive ranges: rs1 and rs3 have the first one, rs2 the second one.
func TestMixedFTP(t *testing.T) {
	c := newCluster(t, lab.Options{Forwarding: config.Tunnel, RealServers: 3})
	require.NoError(t, c.lab.ResizeFile(1<<20))
	answerThroughDirector(t, c.lab, c.lab.Servers[0])
	ranges := [][2]uint16{{10000, 10099}, {30000, 30099}, {10000, 10099}}
	for i, s := range c.lab.Servers {
		s.FTPSettings = fmt.Sprintf("pasv_min_port=%d\npasv_max_port=%d\n", ranges[i][0], ranges[i][1])
	}
	require.NoError(t, c.lab.Apply(mixedSpec(c.lab)))
	require.NoError(t, c.lab.StartFTP(21))

	var sessions []lab.Session
	for _, s := range c.eachMode() {
		sessions = append(sessions, s, s, s) // the scheduler assigns one to each real server
	}
	results, err := c.lab.Run(sessions, 1)
	require.NoError(t, err)
	c.check(t, results, lab.VIP)
	servers := map[string]map[string]bool{}
	for _, r := range results {
		if servers[r.Session.String()] == nil {
			servers[r.Session.String()] = map[string]bool{}
		}
		servers[r.Session.String()][r.Control] = true
	}
	for session, reached := range servers {
		assert.Len(t, reached, 3, session)
	}
	for i, s := range c.lab.Servers {
		for _, port := range passivePortsOf(t, s) {
			assert.True(t, ranges[i][0] <= port && port <= ranges[i][1], "%s: data connection to port %d", s.Name, port)
		}
	}
}

// passivePortsOf returns the ports of the data connections to a real server, at least one
// for each passive session and file.
func passivePortsOf(t *testing.T, s *lab.RealServer) []uint16 {
	t.Helper()
	in, _, err := s.Connections()
	require.NoError(t, err)
	var ports []uint16
	for _, c := range in {
		if own := config.FamilyOf(c.From.Addr()); c.To.Port() != 21 && c.From.Addr() != s.Address(own) {
			ports = append(ports, c.To.Port())
		}
	}
	assert.GreaterOrEqual(t, len(ports), 6, s.Name)
	return ports
}

func mixedSpec(l *lab.Lab) string {
	var servers []string
	for i, method := range []config.Forwarding{config.NAT, config.Direct, config.Tunnel} {
		for _, f := range l.Families {
			servers = append(servers, fmt.Sprintf("{address: %q, forwarding: %s}", l.Servers[i].Address(f), method))
		}
	}
	return fmt.Sprintf(`
clusters:
  - name: ftp
    mark: 21
    vips: [%q, %q]
    vip-device: %s
    ftp: {passive-ports: [10000-10099, 30000-30099], active-data: {translate: snat}}
    scheduler: rr
    real-servers: [%s]
`, lab.VIP(config.IPv4), lab.VIP(config.IPv6), lab.OutgoingDevice, strings.Join(servers, ", "))
}

// answerThroughDirector makes a real server of a lab with tunnel forwarding one for nat.
func answerThroughDirector(t *testing.T, l *lab.Lab, s *lab.RealServer) {
	t.Helper()
	commands := []string{"ip link set wan down"}
	for _, f := range l.Families {
		device := map[config.Family]string{config.IPv4: "tun4", config.IPv6: "tun6"}[f]
		commands = append(commands, fmt.Sprintf("ip address del %s dev %s", netip.PrefixFrom(lab.VIP(f), f.Bits()), device))
	}
	_, err := s.Run("sh", "-ec", strings.Join(commands, "\n"))
	require.NoError(t, err)
	require.NoError(t, s.RouteThroughDirector())
}

package director_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/director"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
)

// examineServers makes the checks of real servers, with TCP connections to them.
func examineServers(t *testing.T, yaml string) doctor.Report {
	t.Helper()
	s := parse(t, yaml)
	h, routes, err := host.Read("/")
	require.NoError(t, err)
	defer routes.Close()
	h.ReadDirector("/", s)
	h.Files = mapFS(files())
	checks, err := doctor.Select(director.Checks(), doctor.Selection{Only: []string{"server-route", "server-neighbor", "server-port"}})
	require.NoError(t, err)
	return doctor.Run(checks, &director.Subject{Host: h, Spec: s})
}

// TestSilentServers has real servers that are off, or that refuse connections, and none of which
// has a neighbor entry before.
func TestSilentServers(t *testing.T) {
	for _, c := range []struct {
		name, yaml, commands string
		want                 []string
	}{
		{"off", "", "ip -n $FAR address del 10.0.0.11/24 dev server", []string{
			"server-neighbor: real server rs1 (10.0.0.11) of cluster ftp does not answer ARP or neighbor solicitations",
			"server-port: real server rs1 (10.0.0.11) of cluster ftp: no connection to port 21: ",
		}},
		{"off, IPv6", sixes, sixAddresses, []string{
			"server-neighbor: real server rs1 (fd00::11) of cluster ftp does not answer ARP or neighbor solicitations",
			"server-port: real server rs1 (fd00::11) of cluster ftp: no connection to port 21: ",
		}},
		{"off, with weight 0", "address: 10.0.0.11 => address: 10.0.0.11, weight: 0", "ip -n $FAR address del 10.0.0.11/24 dev server", nil},
		{"no FTP server", "", "", []string{
			"server-port: real server rs1 (10.0.0.11) of cluster ftp: no connection to port 21: connection refused",
		}},
		{"on again", "", "ip neigh add 10.0.0.11 dev lan nud failed", []string{
			"server-port: real server rs1 (10.0.0.11) of cluster ftp: no connection to port 21: connection refused",
		}},
		{"a blackhole", "", "ip route add blackhole 10.0.0.11", []string{
			"server-route: there is no route to real server rs1 (10.0.0.11) of cluster ftp: a blackhole route",
			"server-port: real server rs1 (10.0.0.11) of cluster ftp: no connection to port 21: ",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inDirector(t, func() {
				run(t, c.commands)
				found := texts(examineServers(t, trap{yaml: c.yaml}.spec()))
				require.Len(t, found, len(c.want), "%q", found)
				for i, want := range c.want {
					assert.Contains(t, found[i], want)
				}
			})
		})
	}
}

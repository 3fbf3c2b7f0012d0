package director_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/director"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/route"
)

// TestCapacity has values that a test cannot bring about.
func TestCapacity(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*host.Host)
		want   []string
	}{
		{"nothing", func(*host.Host) {}, nil},
		{"tracked connections", func(h *host.Host) {
			h.Sysctls["net.netfilter.nf_conntrack_count"], h.Sysctls["net.netfilter.nf_conntrack_max"] = "800", "1000"
		}, []string{"conntrack-table: 800 of 1000 connections are tracked"}},
		{"fewer tracked connections", func(h *host.Host) {
			h.Sysctls["net.netfilter.nf_conntrack_count"], h.Sysctls["net.netfilter.nf_conntrack_max"] = "799", "1000"
		}, nil},
		{"data connections", func(h *host.Host) {
			h.IPVS.Value.Passive = []host.PassiveUse{{Cluster: "ftp", Server: netip.MustParseAddr("10.0.0.11"), Used: 8, Ports: 10}, {Cluster: "ftp", Used: 7, Ports: 10}}
		}, []string{"passive-range: cluster ftp: real server 10.0.0.11 has 8 data connections, with 10 passive ports"}},
		{"entries of IPVS", func(h *host.Host) { h.IPVS.Value.TableSize, h.IPVS.Value.Entries = 4096, 8193 }, []string{
			"ipvs-table: the connection table of IPVS has 4096 rows and 8193 entries",
		}},
		{"fewer entries of IPVS", func(h *host.Host) { h.IPVS.Value.TableSize, h.IPVS.Value.Entries = 4096, 8192 }, nil},
		{"a table of unknown size", func(h *host.Host) { h.IPVS.Value.Entries = 8193 }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &host.Host{Sysctls: map[string]string{}}
			c.change(h)
			checks, err := doctor.Select(director.Checks(), doctor.Selection{Only: []string{"conntrack-table", "passive-range", "ipvs-table"}})
			assert.NoError(t, err)
			assert.Equal(t, c.want, texts(doctor.Run(checks, &director.Subject{Host: h, Spec: parse(t, spec)})))
		})
	}
}

// TestConntrackTableOfNamespace: another network namespace counts its own connections and shows the
// limit of all namespaces, which it cannot change.
func TestConntrackTableOfNamespace(t *testing.T) {
	checks, err := doctor.Select(director.Checks(), doctor.Selection{Only: []string{"conntrack-table"}})
	assert.NoError(t, err)
	limited := func(readOnly bool) []string {
		h := &host.Host{Sysctls: map[string]string{"net.netfilter.nf_conntrack_count": "800", "net.netfilter.nf_conntrack_max": "1000"}, ConntrackMaxReadOnly: readOnly}
		return commands(doctor.Run(checks, &director.Subject{Host: h, Spec: parse(t, spec)}))
	}
	assert.Equal(t, []string{"sysctl -w net.netfilter.nf_conntrack_max=2000"}, limited(false))
	assert.Equal(t, []string{"nsenter --target 1 --net sysctl -w net.netfilter.nf_conntrack_max=2000"}, limited(true))

	inDirector(t, func() {
		scratch.Run(t, "table ip n {\nchain c { type nat hook postrouting priority srcnat; }\n}\n", "nft", "-f", "-")
		h, routes, err := host.Read("/")
		require.NoError(t, err)
		defer routes.Close()
		assert.NotEmpty(t, h.Sysctls["net.netfilter.nf_conntrack_max"])
		assert.Equal(t, "0", h.Sysctls["net.netfilter.nf_conntrack_count"])
		assert.True(t, h.ConntrackMaxReadOnly)
	})
}

// TestSeveralVIPs has a cluster with several VIPs that the director does not have, and with a range.
func TestSeveralVIPs(t *testing.T) {
	checks, err := doctor.Select(director.Checks(), doctor.Selection{Only: []string{"vip-local"}})
	assert.NoError(t, err)
	for vips, want := range map[string][]string{
		`[198.51.100.21, "2001:db8::21"]`: {
			"vip-local: cluster ftp: 198.51.100.21, 2001:db8::21 are no addresses of the director",
			"for a in 198.51.100.21/32 2001:db8::21/128; do ip address add $a dev DEVICE; done, or in the spec: vip-device: DEVICE",
		},
		"[198.51.100.32/30]": {
			"vip-local: cluster ftp: 198.51.100.32, 198.51.100.35 are no addresses of the director",
			"in the spec: vip-device: DEVICE",
		},
	} {
		yaml := "clusters: [{name: ftp, mark: 21, vips: " + vips + ", ports: [80], real-servers: [{address: 10.0.0.11}, {address: \"fd00::11\"}]}]"
		if !strings.Contains(vips, ":") {
			yaml = strings.Replace(yaml, ", {address: \"fd00::11\"}", "", 1)
		}
		h := &host.Host{Route: func(netip.Addr, uint32) (route.Route, error) { return route.Route{Type: unix.RTN_UNICAST}, nil }}
		r := doctor.Run(checks, &director.Subject{Host: h, Spec: parse(t, yaml)})
		assert.Equal(t, want, append(texts(r), commands(r)...))
	}
}

// TestServerPort has real servers that refuse connections.
func TestServerPort(t *testing.T) {
	checks, err := doctor.Select(director.Checks(), doctor.Selection{Only: []string{"server-port"}})
	assert.NoError(t, err)
	h := &host.Host{Connect: func(list []addrPort) map[addrPort]error {
		assert.Equal(t, []addrPort{netip.MustParseAddrPort("10.0.0.11:21")}, list)
		return map[addrPort]error{list[0]: unix.ECONNREFUSED}
	}}
	run := func(yaml string) doctor.Report {
		return doctor.Run(checks, &director.Subject{Host: h, Spec: parse(t, yaml)})
	}
	assert.Equal(t, []string{"server-port: real server rs1 (10.0.0.11) of cluster ftp: no connection to port 21: connection refused"}, texts(run(spec)))
	report := run(trap{yaml: direct}.spec())
	assert.Empty(t, texts(report))
	assert.Equal(t, "no connections to 10.0.0.11; with direct and tunnel the server may listen on the VIP only", report[0].NotChecked)
}

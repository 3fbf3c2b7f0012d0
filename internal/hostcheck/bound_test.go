package hostcheck_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/hostcheck"
)

// listed returns n addresses from a first one on, as a list of YAML.
func listed(first string, n int, format string) string {
	var list []string
	for a := netip.MustParseAddr(first); len(list) < n; a = a.Next() {
		list = append(list, fmt.Sprintf(format, a))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// TestBoundsAreReported: a check that asks for no more routes says so, and what was found before is
// found all the same.
func TestBoundsAreReported(t *testing.T) {
	const (
		vips    = "routes could not be checked: those of VIPs other than the first 256 (1 more); `lvsmark doctor` asks for all"
		servers = "routes could not be checked: those of real servers other than the first 256 (1 more); `lvsmark doctor` asks for all"
		replies = "routes could not be checked: those of replies to clients other than the first 256 that are asked for, each from one real server or VIP to one client"
		packets = "routes could not be checked: rules of policy routing ahead of the lookup of local addresses may take packets to VIPs other than the first 256 that are asked for"

		localVIPs = "ip route add local 198.51.102.0/23 dev lo table local; "
		ahead     = "ip rule add priority 100 lookup local; ip rule del priority 0; ip rule add priority 50 iif wan ipproto tcp lookup 200; ip route add local 198.51.102.0/23 dev lo table 200"
	)
	for _, c := range []struct {
		name, commands string
		vips, servers  int
		forwarding     string
		want           []string
	}{
		{"within", localVIPs, 200, 200, "direct", nil},
		{"VIPs", localVIPs, 257, 1, "direct", []string{vips}},
		{"real servers", localVIPs, 1, 257, "direct", []string{servers}},
		{"replies within", localVIPs, 1, 40, "nat", nil},
		{"replies", localVIPs, 57, 200, "nat", []string{replies}},
		{"rules within", localVIPs + ahead, 128, 1, "direct", nil}, // two packets to each
		{"rules", localVIPs + ahead, 129, 1, "direct", []string{packets}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inNetworks(t, c.commands, func() {
				spec := parse(t, fmt.Sprintf("{clusters: [{name: ftp, mark: 21, forwarding: %s, vips: %s, ftp: , real-servers: %s}], director: {bind: false}}",
					c.forwarding, listed("198.51.102.1", c.vips, "%s"), listed("10.0.0.11", c.servers, "{address: %s}")))
				host := hostcheck.Host{Modules: t.TempDir(), Value: func(_, missing string) string { return missing }}
				var got []string
				for _, warning := range host.Warnings(spec) {
					if strings.HasPrefix(warning, "routes could not be checked") {
						got = append(got, warning)
					}
				}
				assert.Equal(t, c.want, got)
			})
		})
	}
}

// TestPossibleClientsOfAllServers: replies of each real server to clients that may be behind another
// device are asked for as long as the bound has room, not those of the first ones only.
func TestPossibleClientsOfAllServers(t *testing.T) {
	const rule = "ip rule add from 10.0.0.30 to 192.168.5.0/24 prohibit; sysctl -qw net.ipv4.conf.all.forwarding=1"
	inNetworks(t, rule, func() {
		spec := parse(t, "{clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: "+listed("10.0.0.11", 20, "{address: %s}")+"}], director: {bind: false}}")
		host := hostcheck.Host{Modules: t.TempDir(), Value: func(_, missing string) string { return missing }}
		assert.Contains(t, strings.Join(host.Warnings(spec), "\n"), "a rule or a route refuses replies of real server 10.0.0.30 of cluster ftp to clients that may be behind dmz")
	})
}

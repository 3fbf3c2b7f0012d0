package hostcheck_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
)

// TestMasqueradeAddresses: active data to clients behind the default route has an address of its
// device, if lvsmark masquerades it; to other networks, it may have other ones.
func TestMasqueradeAddresses(t *testing.T) {
	need.Programs(t, "ip")
	const (
		v4 = "ip route add default via 198.51.100.1; "
		v6 = "ip -6 address add 2001:db8::2/64 dev wan nodad; ip -6 route add default via 2001:db8::1; "
	)
	for _, c := range []struct{ name, commands, yaml, want string }{
		{"both families", v4 + v6, natSpec, "[198.51.100.2 2001:db8::2] []"},
		{"no default route", "", natSpec, "[] [198.51.100.2]"},
		{"one default route", v4, natSpec, "[198.51.100.2] []"},
		{
			"client networks", v4 + "ip route add 203.0.113.0/24 via 198.51.100.9; ip address add 10.9.0.2/16 dev wan; ip address add 10.8.0.2/16 dev wan; ip route add 203.0.113.128/25 dev wan src 10.8.0.2",
			strings.Replace(natSpec, "mark: 21", "mark: 21, only: {sources: [10.9.0.0/16, 203.0.113.0/25, 203.0.113.200, 192.0.2.0/24, \"2001:db8:1::/48\"]}", 1), "[10.9.0.2 198.51.100.2] []",
		},
		{"client networks without a default route", "", strings.Replace(natSpec, "mark: 21", "mark: 21, only: {sources: [198.51.100.0/24, 192.0.2.0/24, \"2001:db8:1::/48\"]}", 1), "[198.51.100.2] []"},
		{"a route to other networks", "ip route add 203.0.113.0/24 via 198.51.100.1", natSpec, "[] [198.51.100.2]"},
		{"a refused route", "ip route add unreachable default", natSpec, "[] [198.51.100.2]"},
		{"to the VIP", v4 + v6, strings.Replace(natSpec, "ftp: ,", "ftp: {active-data: {translate: snat}},", 1), "[] []"},
		{"direct", v4 + v6, strings.Replace(natSpec, "mark: 21", "mark: 21, forwarding: direct", 1), "[] []"},
		{"no FTP", v4 + v6, strings.Replace(natSpec, "ftp: ,", "ports: [80],", 1), "[] []"},
		{"a family without real servers", v4 + v6, strings.NewReplacer(`, {address: "fd00::11"}`, "", `, "2001:db8::21"`, "").Replace(natSpec), "[198.51.100.2] []"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec, _, err := config.Parse("spec.yaml", strings.NewReader(c.yaml))
			require.NoError(t, err)
			scratch.Do(t, func() {
				scratch.Run(t, "", "sh", "-ec", "ip link add wan type veth peer name client; ip link set client up; ip link set wan up; ip address add 198.51.100.2/24 dev wan; "+c.commands)
				scratch.Settle(t)
				addresses, possible, err := hostcheck.MasqueradeAddresses(spec)
				require.NoError(t, err)
				assert.Equal(t, c.want, fmt.Sprint(addresses, possible))
			})
		})
	}
}

// TestMasqueradeAddressesOfNetworks: to each network in which clients may be, masquerade gives the
// address of its device.
func TestMasqueradeAddressesOfNetworks(t *testing.T) {
	for _, c := range []struct{ name, commands, yaml, want string }{
		{"connected networks", "", natSpec, "[198.51.100.2] [192.168.5.1 192.168.6.1]"},
		{"a network behind a router", "ip address add 192.168.7.1/24 dev dmz; ip route add 172.16.0.0/16 via 192.168.7.9", natSpec, "[198.51.100.2] [192.168.7.1 192.168.5.1 192.168.6.1]"},
		{"only some devices", "", strings.Replace(natSpec, "mark: 21", "mark: 21, only: {devices: [wan, dmz]}", 1), "[198.51.100.2] [192.168.5.1]"},
		{"only devices without a default route", "", strings.Replace(natSpec, "mark: 21", "mark: 21, only: {devices: [dmz]}", 1), "[] [198.51.100.2 192.168.5.1]"},
		{"to the VIP", "", strings.Replace(natSpec, "ftp: ,", "ftp: {active-data: {translate: snat}},", 1), "[] []"},
		{"only some sources of one cluster", "", strings.Replace(natSpec, "clusters: [", `clusters: [{name: one, mark: 22, only: {sources: [192.168.5.0/24]}, vips: [198.51.100.22], ftp: , real-servers: [{address: 10.0.0.11}]}, `, 1), "[192.168.5.1 198.51.100.2] [192.168.6.1]"},
		{"only some sources of the last cluster", "", strings.Replace(natSpec, "}], director", `}, {name: one, mark: 22, only: {sources: [192.168.5.0/24]}, vips: [198.51.100.22], ftp: , real-servers: [{address: 10.0.0.11}]}], director`, 1), "[198.51.100.2 192.168.5.1] [192.168.6.1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inNetworks(t, c.commands, func() {
				addresses, possible, err := hostcheck.MasqueradeAddresses(parse(t, c.yaml))
				require.NoError(t, err)
				assert.Equal(t, c.want, fmt.Sprint(addresses, possible))
			})
		})
	}
}

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
// device, if lvsmark masquerades it.
func TestMasqueradeAddresses(t *testing.T) {
	need.Programs(t, "ip")
	const (
		v4 = "ip route add default via 198.51.100.1; "
		v6 = "ip -6 address add 2001:db8::2/64 dev wan nodad; ip -6 route add default via 2001:db8::1; "
	)
	for _, c := range []struct{ name, commands, yaml, want string }{
		{"both families", v4 + v6, natSpec, "[198.51.100.2 2001:db8::2]"},
		{"no default route", "", natSpec, "[]"},
		{"one default route", v4, natSpec, "[198.51.100.2]"},
		{
			"client networks", v4 + "ip route add 203.0.113.0/24 via 198.51.100.9; ip address add 10.9.0.2/16 dev wan; ip address add 10.8.0.2/16 dev wan; ip route add 203.0.113.128/25 dev wan src 10.8.0.2",
			strings.Replace(natSpec, "mark: 21", "mark: 21, only: {sources: [10.9.0.0/16, 203.0.113.0/25, 203.0.113.200, 192.0.2.0/24, \"2001:db8:1::/48\"]}", 1), "[10.9.0.2 198.51.100.2 10.8.0.2]",
		},
		{"client networks without a default route", "", strings.Replace(natSpec, "mark: 21", "mark: 21, only: {sources: [198.51.100.0/24, 192.0.2.0/24, \"2001:db8:1::/48\"]}", 1), "[198.51.100.2]"},
		{"a route to other networks", "ip route add 203.0.113.0/24 via 198.51.100.1", natSpec, "[]"},
		{"a refused route", "ip route add unreachable default", natSpec, "[]"},
		{"to the VIP", v4 + v6, strings.Replace(natSpec, "ftp: ,", "ftp: {active-data: {translate: snat}},", 1), "[]"},
		{"direct", v4 + v6, strings.Replace(natSpec, "mark: 21", "mark: 21, forwarding: direct", 1), "[]"},
		{"no FTP", v4 + v6, strings.Replace(natSpec, "ftp: ,", "ports: [80],", 1), "[]"},
		{"a family without real servers", v4 + v6, strings.NewReplacer(`, {address: "fd00::11"}`, "", `, "2001:db8::21"`, "").Replace(natSpec), "[198.51.100.2]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec, _, err := config.Parse("spec.yaml", strings.NewReader(c.yaml))
			require.NoError(t, err)
			scratch.Do(t, func() {
				scratch.Run(t, "", "sh", "-ec", "ip link add wan type veth peer name client; ip link set client up; ip link set wan up; ip address add 198.51.100.2/24 dev wan; "+c.commands)
				addresses, err := hostcheck.MasqueradeAddresses(spec)
				require.NoError(t, err)
				assert.Equal(t, c.want, fmt.Sprint(addresses))
			})
		})
	}
}

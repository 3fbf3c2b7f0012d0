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

// inNetworks calls f in a namespace of a director with the networks of the devices wan, lan (with
// the real servers), dmz, and office, and without IPv6 addresses.
func inNetworks(t *testing.T, commands string, f func()) {
	t.Helper()
	need.Programs(t, "ip")
	scratch.Do(t, func() {
		const script = "ip link set lo up; for d in wan lan dmz office; do ip link add $d type veth peer name ${d}1; ip link set ${d}1 up; ip link set $d up; done; " +
			"ip address add 198.51.100.2/24 dev wan; ip address add 10.0.0.1/24 dev lan; ip address add 192.168.5.1/24 dev dmz; ip address add 192.168.6.1/24 dev office; " +
			"ip route add default via 198.51.100.1; ip route add local 198.51.100.21 dev lo table local; "
		scratch.Run(t, "", "sh", "-ec", script+commands)
		scratch.Settle(t)
		f()
	})
}

// TestClientNetworks: beside the client behind the default route there is one for each way.
func TestClientNetworks(t *testing.T) {
	const (
		connected = "198.51.100.1 wan, 192.168.5.2 dmz, 192.168.6.2 office"
		withLAN   = "198.51.100.1 wan, 10.0.0.2 lan, 192.168.5.2 dmz, 192.168.6.2 office"
		six       = "ip -6 address add 2001:db8:5::1/64 dev dmz nodad; ip -6 address add fd00::1/64 dev lan nodad; ip -6 route add 2001:db8:7::/48 via 2001:db8:5::9"
	)
	only := func(text string) string { return strings.Replace(natSpec, "mark: 21", "mark: 21, only: {"+text+"}", 1) }
	for _, c := range []struct{ name, commands, yaml, want, six string }{
		{name: "connected networks", want: connected},
		{name: "a real server of another network", yaml: strings.Replace(natSpec, "{address: 10.0.0.11}", "{address: 10.0.0.11}, {address: 192.168.5.11}", 1), want: withLAN},
		{name: "real servers behind a router", yaml: strings.Replace(natSpec, "10.0.0.11", "10.1.0.11", 1), commands: "ip route add 10.1.0.0/16 via 10.0.0.9", want: withLAN + ", 10.1.0.1 lan"},
		{name: "networks behind routers", commands: "ip route add 172.16.0.0/16 via 192.168.5.9; ip route add 172.17.0.0/16 via 192.168.5.9; ip route add 172.18.0.0/16 via 192.168.5.8; ip route add 172.19.0.0/16 via 192.168.5.8 src 192.168.6.1", want: connected + ", 172.16.0.1 dmz, 172.18.0.1 dmz, 172.19.0.1 dmz"},
		{name: "several next hops", commands: "ip route add 172.16.0.0/16 nexthop via 192.168.5.9 nexthop via 192.168.5.8", want: connected + ", 172.16.0.1 dmz"},
		{name: "one host", commands: "ip route add 172.16.0.7 via 192.168.5.9; ip route add 192.168.6.7/32 dev office", want: connected + ", 172.16.0.7 dmz, 192.168.6.7 office"},
		{name: "a narrower route", commands: "ip route add 172.16.0.0/12 via 192.168.5.9; ip route add 172.16.0.0/16 via 192.168.5.8", want: connected + ", 172.31.255.254 dmz, 172.16.0.1 dmz"},
		{name: "addresses of the director", commands: "for i in 2 3 4; do ip address add 192.168.5.$i/24 dev dmz; done", want: "198.51.100.1 wan, 192.168.5.5 dmz, 192.168.6.2 office"},
		{name: "routes to real servers and VIPs", commands: "ip route add 10.0.0.11 dev office; ip route add 203.0.113.21 via 192.168.5.9", yaml: strings.Replace(natSpec, "198.51.100.21", "203.0.113.21", 1), want: connected},
		{name: "routes of other kinds", commands: "ip route add unreachable 172.16.0.0/16; ip route add 172.17.0.0/16 dev lo; ip route add local 172.18.0.0/16 dev lo; ip route add 169.254.0.0/16 dev dmz; ip route add 224.0.0.0/4 dev dmz", want: connected},
		{name: "a device without a link", commands: "ip link set office1 down", want: "198.51.100.1 wan, 192.168.5.2 dmz"},
		{name: "a table of all packets", commands: "ip route add 172.16.0.0/16 via 192.168.5.9 table 52; ip rule add not fwmark 7 lookup 52", want: connected + ", 172.16.0.1 dmz"},
		{name: "a table of some packets", commands: "ip route add 172.16.0.0/16 via 192.168.5.9 table 52; ip rule add from 10.0.0.0/24 lookup 52", want: connected},
		{name: "only some sources", yaml: only(`sources: [203.0.113.0/24, "2001:db8:9::/48"]`)},
		{name: "only some devices", yaml: only("devices: [wan, office]"), want: "198.51.100.1 wan, 192.168.6.2 office"},
		{name: "only devices without a default route", yaml: only("devices: [office]"), want: "240.0.0.1 wan, 192.168.6.2 office"},
		{name: "only some senders", yaml: only(`except-macs: ["02:00:00:00:00:02"]`), want: connected},
		{name: "direct", yaml: strings.Replace(natSpec, "mark: 21", "mark: 21, forwarding: direct", 1)},
		{name: "IPv6", commands: six, want: connected, six: "2001:db8:5::2 dmz, 2001:db8:7::1 dmz"},
		{name: "IPv6, only some IPv4 sources", commands: six, yaml: only("sources: [203.0.113.0/24, 10.9.0.0/16, \"2001:db8:9::/48\"]")},
	} {
		t.Run(c.name, func(t *testing.T) {
			inNetworks(t, c.commands, func() {
				if c.yaml == "" {
					c.yaml = natSpec
				}
				spec := parse(t, c.yaml)
				networks, err := hostcheck.ReadClientNetworks(spec)
				require.NoError(t, err)
				assert.NoError(t, networks.Err())
				for f, want := range map[config.Family]string{config.IPv4: c.want, config.IPv6: c.six} {
					var got []string
					for _, client := range networks.Of(&spec.Clusters[0], f) {
						got = append(got, client.Address.String()+" "+client.Device)
					}
					var list []string
					if want != "" {
						list = strings.Split(want, ", ")
					}
					assert.ElementsMatch(t, list, got, f)
				}
			})
		})
	}
}

// TestManyClientNetworks: the number of networks is bounded, and the bound is reported.
func TestManyClientNetworks(t *testing.T) {
	const bound = "clients may be behind more than 64 next hops or 10000 routes, and the others are not followed"
	for n, reached := range map[int]bool{60: false, 61: true} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inNetworks(t, fmt.Sprintf("for i in $(seq %d); do echo route add 172.16.$i.0/24 via 192.168.5.$((i+1)); done | ip -batch -", n), func() {
				spec := parse(t, natSpec)
				networks, err := hostcheck.ReadClientNetworks(spec)
				require.NoError(t, err)
				assert.Len(t, networks.Of(&spec.Clusters[0], config.IPv4), 63, "without the network of the real servers")
				host := hostcheck.Host{Modules: t.TempDir(), Value: func(_, missing string) string { return missing }}
				assert.Equal(t, reached, strings.Contains(strings.Join(host.Warnings(spec), "\n"), bound))
			})
		})
	}
	inNetworks(t, "for i in $(seq 40); do seq -f \"route add 172.16.$i.%g/32 via 192.168.5.9\" 250; done | ip -batch -", func() {
		networks, err := hostcheck.ReadClientNetworks(parse(t, natSpec))
		require.NoError(t, err)
		assert.EqualError(t, networks.Err(), bound, "of 10,000 routes and more")
	})
}

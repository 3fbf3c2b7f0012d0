package hostcheck_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
)

// TestMasqueradedPackets sends packets to each client through a masquerade rule: the addresses are
// those that the kernel gives them.
func TestMasqueradedPackets(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	for name, commands := range map[string]string{
		"connected networks":                    "",
		"networks behind routers":               "ip address add 192.168.7.1/24 dev dmz; ip route add 172.16.0.0/16 via 192.168.7.9; ip route add 172.17.0.0/16 via 192.168.5.9",
		"a second address in one network":       "ip address add 192.168.5.77/24 dev dmz; ip address add 192.168.5.7/32 dev dmz",
		"a source of the route":                 "ip address add 192.168.7.1/24 dev dmz; ip route add 172.16.0.0/16 via 192.168.5.9 src 192.168.7.1",
		"a source of the default route":         "ip address add 198.51.100.21/32 dev wan; ip route replace default via 198.51.100.1 src 198.51.100.21",
		"a source on the link":                  "ip address add 192.168.7.1/24 dev dmz; ip route add 172.16.0.0/16 dev dmz src 192.168.7.1",
		"a source of another device":            "ip route add 172.16.0.0/16 via 192.168.5.9 src 192.168.6.1",
		"a narrower network of a later address": "ip address flush dev dmz; ip address add 192.168.5.1/32 dev dmz; ip address add 192.168.7.1/24 dev dmz; ip route add 192.168.7.128/25 dev dmz",
		"a device without addresses":            "ip address flush dev dmz; ip route add 172.16.0.0/16 dev dmz",
		"an address of the link":                "ip address flush dev dmz; ip address add 192.168.7.1/24 dev dmz scope link; ip address add 192.168.8.1/24 dev dmz; ip route add 172.16.0.0/16 via 192.168.7.9",
	} {
		t.Run(name, func(t *testing.T) {
			inNetworks(t, commands, func() { checkMasqueraded(t, config.IPv4, netip.MustParseAddr("10.0.0.1")) })
		})
	}
}

// TestMasqueradedPacketsIPv6 is TestMasqueradedPackets for IPv6: the source of a route is not that of
// masqueraded packets.
func TestMasqueradedPacketsIPv6(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	const networks = "ip -6 address add fd00::1/64 dev lan nodad; ip -6 address add 2001:db8::2/64 dev wan nodad; ip -6 address add 2001:db8:5::1/64 dev dmz nodad; " +
		"ip -6 route add default via 2001:db8::1; "
	for name, commands := range map[string]string{
		"connected networks":                "true",
		"a network behind a router":         "ip -6 route add 2001:db8:9::/48 via 2001:db8:5::9",
		"a source of the default route":     "ip -6 address add 2001:db8:21::21/128 dev wan nodad; ip -6 route replace default via 2001:db8::1 src 2001:db8::2",
		"a source on another device":        "ip -6 route add 2001:db8:9::/48 via 2001:db8:5::9 src fd00::1",
		"a nearer address":                  "ip -6 address add 2001:db8:9::7/128 dev dmz nodad; ip -6 route add 2001:db8:9::/48 via 2001:db8:5::9 src 2001:db8:5::1",
		"a longer prefix":                   "ip -6 address add 2001:db8:9::7/64 dev dmz nodad; ip -6 route add 2001:db8:9:1::/64 via 2001:db8:5::9 src 2001:db8:5::1",
		"deprecated":                        "ip -6 address change 2001:db8:5::1/64 dev dmz preferred_lft 0; ip -6 address add 2001:db8:6::1/64 dev dmz nodad; ip -6 route add 2001:db8:9::/48 via 2001:db8:5::9 src 2001:db8:5::1",
		"deprecated on the device":          "ip -6 address change 2001:db8:5::1/64 dev dmz preferred_lft 0; ip -6 route add 2001:db8:9::/48 via 2001:db8:5::9 src fd00::1",
		"another label":                     "ip -6 address add fd05::1/64 dev dmz nodad; ip -6 route add fd99::/64 via 2001:db8:5::9 src 2001:db8:5::1",
		"no address of the device":          "ip -6 address flush dev dmz scope global; ip -6 route add 2001:db8:9::/48 dev dmz src fd00::1",
		"several addresses of equal length": "ip -6 address add 2001:db8:5::2/64 dev dmz nodad; ip -6 address add 2001:db8:5::3/64 dev dmz nodad; ip -6 route add 2001:db8:9::/48 via 2001:db8:5::9 src 2001:db8:5::1",
	} {
		t.Run(name, func(t *testing.T) {
			// Entries of neighbors, which no packet waits for: those are sent without an answer.
			const neighbors = "; for d in wan dmz; do for a in 2001:db8::1 2001:db8:5::9; do ip -6 neighbor replace $a lladdr 02:00:00:00:00:01 dev $d; done; done"
			inNetworks(t, networks+commands+neighbors, func() { checkMasqueraded(t, config.IPv6, netip.MustParseAddr("fd00::1")) })
		})
	}
}

// checkMasqueraded sends packets from an address of the host to each client.
func checkMasqueraded(t *testing.T, family config.Family, from netip.Addr) {
	t.Helper()
	ip, typ := "ip", "ipv4_addr"
	if family == config.IPv6 {
		ip, typ = "ip6", "ipv6_addr"
	}
	scratch.Run(t, fmt.Sprintf("table %[1]s t { set seen { type %[2]s; flags dynamic; size 99; }; chain n { type nat hook postrouting priority srcnat; masquerade; }; "+
		"chain c { type filter hook postrouting priority 150; udp dport 9 add @seen { %[1]s saddr }; }; }", ip, typ), "nft", "-f", "-")
	spec := parse(t, natSpec)
	networks, err := hostcheck.ReadClientNetworks(spec)
	require.NoError(t, err)
	clients := networks.Certain(&spec.Clusters[0], family, func(netip.Addr) bool { return false })
	for _, client := range networks.Of(&spec.Clusters[0], family) {
		clients = append(clients, client.Address)
	}
	for _, client := range clients {
		send(t, from, client)
	}
	certain, possible, err := hostcheck.MasqueradeAddresses(spec)
	require.NoError(t, err)
	seen := scratch.Run(t, "", "nft", "list", "set", ip, "t", "seen")
	_, list, _ := strings.Cut(seen, "elements = {")
	list, _, _ = strings.Cut(list, "}")
	var want []string
	for address := range strings.SplitSeq(list, ",") {
		want = append(want, strings.TrimSpace(address))
	}
	var got []string
	for _, a := range slices.Concat(certain, possible) {
		if config.FamilyOf(a) == family {
			got = append(got, a.String())
		}
	}
	assert.ElementsMatch(t, want, got, fmt.Sprint(clients))
}

// send sends a packet from an address of the host, which need not arrive.
func send(t *testing.T, from, to netip.Addr) {
	t.Helper()
	c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 9)))
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("x"))
	require.NoError(t, err)
}

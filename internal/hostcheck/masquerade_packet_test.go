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
	const rules = "table ip t { set seen { type ipv4_addr; flags dynamic; size 99; }; " +
		"chain n { type nat hook postrouting priority srcnat; masquerade; }; chain c { type filter hook postrouting priority 150; add @seen { ip saddr }; }; }"
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
			inNetworks(t, commands, func() {
				scratch.Run(t, rules, "nft", "-f", "-")
				spec := parse(t, natSpec)
				networks, err := hostcheck.ReadClientNetworks(spec)
				require.NoError(t, err)
				clients := networks.Certain(&spec.Clusters[0], config.IPv4, func(netip.Addr) bool { return false })
				for _, client := range networks.Of(&spec.Clusters[0], config.IPv4) {
					clients = append(clients, client.Address)
				}
				for _, client := range clients {
					send(t, netip.MustParseAddr("10.0.0.1"), client)
				}
				certain, possible, err := hostcheck.MasqueradeAddresses(spec)
				require.NoError(t, err)
				seen := scratch.Run(t, "", "nft", "list", "set", "ip", "t", "seen")
				_, list, _ := strings.Cut(seen, "elements = {")
				list, _, _ = strings.Cut(list, "}")
				var want []string
				for address := range strings.SplitSeq(list, ",") {
					want = append(want, strings.TrimSpace(address))
				}
				var got []string
				for _, a := range slices.Concat(certain, possible) {
					got = append(got, a.String())
				}
				assert.ElementsMatch(t, want, got, fmt.Sprint(clients))
			})
		})
	}
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

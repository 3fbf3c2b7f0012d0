package ipvs_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestStatisticsAgainstIpvsadm sends marked packets to a service whose real server is the
// host itself, and compares the counters with those that ipvsadm prints.
func TestStatisticsAgainstIpvsadm(t *testing.T) {
	need.Programs(t, "nft")
	withIPVS(t, func() {
		for _, address := range []string{"192.0.2.1/32", "192.0.2.2/32"} {
			scratch.Run(t, "", "ip", "address", "add", address, "dev", "lo")
		}
		scratch.Run(t, "table ip t { chain c { type filter hook output priority mangle; ip daddr 192.0.2.1 counter meta mark set 21; }; }\n", "nft", "-f", "-")
		conn := open(t)
		service := ipvs.VirtualService{
			Service:      ipvs.Service{Key: ipvs.Key{Mark: 21, Family: config.IPv4}, SchedName: "rr", Netmask: 32},
			Destinations: []ipvs.Destination{{Address: netip.MustParseAddr("192.0.2.2"), Weight: 1}, {Address: netip.MustParseAddr("192.0.2.3"), Weight: 0}},
		}
		apply(t, conn, ipvs.Diff(nil, []ipvs.VirtualService{service}))
		send(t, "192.0.2.2:5000", "192.0.2.1:5000")
		var services []ipvs.CountedService
		// The kernel adds up counters every two seconds: since Linux 6.2, those of a service and of its
		// real servers at different times (net/netfilter/ipvs/ip_vs_est.c).
		require.Eventually(t, func() bool {
			var err error
			services, err = conn.Statistics()
			return assert.NoError(t, err) && len(services) == 1 && len(services[0].Destinations) == 2 &&
				services[0].Statistics.Totals.PacketsIn >= datagrams && services[0].Destinations[0].Statistics.Totals.PacketsIn >= datagrams
		}, time.Minute, 100*time.Millisecond)
		counted := services[0].Statistics.Totals
		assert.Equal(t, ipvs.Counters{Connections: 1, PacketsIn: datagrams, BytesIn: datagrams * 1028}, counted)
		assert.Equal(t, counted, services[0].Destinations[0].Statistics.Totals)
		assert.Zero(t, services[0].Destinations[1].Statistics.Totals)

		listed := scratch.Run(t, "", "ipvsadm", "-Ln", "--stats", "--exact")
		want := fmt.Sprintf("%d %d %d %d %d", counted.Connections, counted.PacketsIn, counted.PacketsOut, counted.BytesIn, counted.BytesOut)
		assert.Contains(t, strings.Join(strings.Fields(listed), " "), "FWM 21 "+want+" ", listed)
		marked := scratch.Run(t, "", "nft", "list", "table", "ip", "t")
		assert.Contains(t, marked, fmt.Sprintf("counter packets %d ", counted.PacketsIn), "packets that the rule has marked")
	})
}

// datagrams is the number of packets that send sends.
const datagrams = 25

// send sends datagrams of 1,000 bytes to an address, and a socket at the real server receives
// them.
func send(t *testing.T, server, to string) {
	t.Helper()
	listener, err := net.ListenPacket("udp", server)
	require.NoError(t, err)
	defer listener.Close()
	client, err := net.Dial("udp", to)
	require.NoError(t, err)
	defer client.Close()
	for range datagrams {
		_, err := client.Write(make([]byte, 1000))
		require.NoError(t, err)
	}
	require.NoError(t, listener.SetReadDeadline(time.Now().Add(time.Minute)))
	for range datagrams { // without a socket, the server would answer by ICMP, which IPVS counts
		_, _, err := listener.ReadFrom(make([]byte, 1500))
		require.NoError(t, err)
	}
}

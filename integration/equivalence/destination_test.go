package equivalence

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestFindingsOfDestinations has rules that write the destination: packets that a rule will take
// do not arrive at the VIP, and those without a finding do.
func TestFindingsOfDestinations(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft", "ip")
	t.Parallel()
	site := newSite(t)
	for _, command := range []string{"link set lo up", "address add 198.51.100.53/32 dev lo", "address add 198.51.100.54/32 dev lo"} {
		_, err := site.Run("", "ip", strings.Fields(command)...)
		require.NoError(t, err)
	}
	const nat, filter = "type nat hook prerouting priority dstnat", "type filter hook prerouting priority -100"
	for _, rule := range []struct{ chain, text, sure string }{
		{nat, "dnat to 198.51.100.53", "54"},
		{nat, "udp dport 53 dnat to 198.51.100.53:53", "54"},
		{nat, "udp dport 53 dnat to 198.51.100.53:54", "53, 54"},
		{nat, "dnat to 198.51.100.53-198.51.100.54", ""},
		{nat, "dnat to 198.51.100.50-198.51.100.53", "54"},
		{nat, "dnat to ip daddr map { 198.51.100.53 : 198.51.100.53, 198.51.100.54 : 198.51.100.55 }", "54"},
		{nat, "ip daddr 198.51.100.0/24 dnat prefix to ip daddr map { 198.51.100.0/24 : 198.51.100.0/24 }", ""},
		{filter, "ip daddr set 198.51.100.53", "54"},
		{filter, "@nh,152,8 set 53", "54"},
		{filter, "udp dport set 53", ""},
		{filter, "udp dport set 54", "53, 54"},
		{filter, "ip daddr set ip daddr map { 198.51.100.53 : 198.51.100.54, 198.51.100.54 : 198.51.100.54 }", "53"},
		{"iptables", "NETMAP --to 198.51.100.0/24", ""},
		{"iptables", "NETMAP --to 198.51.100.48/28", ""},
		{"iptables", "NETMAP --to 198.51.100.32/28", "53, 54"},
		{"iptables", "DNAT --to-destination 198.51.100.54", "53"},
	} {
		t.Run(rule.text, func(t *testing.T) {
			require.NoError(t, site.Load("flush ruleset"))
			if rule.chain == "iptables" {
				need.Programs(t, "iptables-nft")
				_, err := site.Run("", "iptables-nft", append([]string{"-t", "nat", "-A", "PREROUTING", "-p", "udp", "-j"}, strings.Fields(rule.text)...)...)
				require.NoError(t, err)
			} else {
				require.NoError(t, site.Load(fmt.Sprintf("table ip foreign { chain c { %s; meta l4proto udp %s; }; }", rule.chain, rule.text)))
			}
			var packets []Packet
			for _, vip := range []string{"198.51.100.53", "198.51.100.54"} {
				packets = append(packets, Packet{netip.MustParseAddr(vip), unix.IPPROTO_UDP, 53})
			}
			spec := &config.Spec{}
			for i, p := range packets {
				spec.Clusters = append(spec.Clusters, config.Cluster{
					Name: fmt.Sprint(i), Mark: uint32(50 + i), VIPs: config.SingleAddresses(p.To), Ports: []config.PortRange{{Protocol: config.UDP, Low: 53, High: 53}},
				})
			}
			observer := Observer{Name: "observer", Priority: 1000, Then: "drop", Size: 16}
			require.NoError(t, site.Commit(spec))
			require.NoError(t, site.Load(observer.Text()))
			taken := ""
			for i, p := range packets {
				require.NoError(t, site.Load(observer.Text()))
				require.NoError(t, site.wire.Send(packets[i:i+1]))
				sight, err := observer.Seen(site.Namespace)
				require.NoError(t, err)
				_, arrived := sight.Marks[p]
				one := *spec
				one.Clusters = spec.Clusters[i : i+1]
				found := findingsOf(t, site, &one)
				switch {
				case len(found) == 0:
					assert.True(t, arrived, "%s: no warning", p)
				case takesFirst(found[0]):
					assert.False(t, arrived, "%s: in spite of %s", p, found)
					if taken != "" {
						taken += ", "
					}
					taken += p.To.String()[len("198.51.100."):]
				}
			}
			assert.Equal(t, rule.sure, taken)
		})
	}
}

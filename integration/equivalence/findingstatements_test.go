package equivalence

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestFindingsOfStatements sends packets through statements that act on some packets only: those
// of their own family, or those for which a program has a socket or reads the queue. A packet of a
// certain finding does not arrive with its mark, and one without a finding does.
func TestFindingsOfStatements(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft", "iptables-nft-restore")
	t.Parallel()
	site := newSite(t)
	const mark = 21
	packets := []Packet{
		{netip.MustParseAddr("198.51.100.21"), unix.IPPROTO_TCP, 21},
		{netip.MustParseAddr("2001:db8::21"), unix.IPPROTO_TCP, 21},
	}
	const sure, perhaps, clean = "sure", "perhaps", "clean"
	filter := func(rules string) string {
		return "table inet t { chain c { type filter hook prerouting priority 0; " + rules + "; }; }"
	}
	nat := func(rules string) string { // with connection tracking of both families, as a translation of one starts only that
		return "table inet t { chain tracks { ct state new counter; };  chain c { type nat hook prerouting priority dstnat; " + rules + "; }; }"
	}
	alone := func(rules string) string {
		return "table inet t { chain c { type nat hook prerouting priority dstnat; " + rules + "; }; }\n"
	}
	for _, c := range []struct {
		name, nft, iptables string
		want                [2]string // of the packets
	}{
		{name: "a destination of IPv4", nft: nat("tcp dport 21 dnat ip to 10.0.0.50"), want: [2]string{sure, clean}},
		{name: "a destination of IPv6", nft: nat("tcp dport 21 dnat ip6 to fd00::50"), want: [2]string{clean, sure}},
		{name: "a destination of each family", nft: nat("tcp dport 21 dnat ip to 10.0.0.50; tcp dport 21 dnat ip6 to fd00::50"), want: [2]string{sure, sure}},
		{name: "another port in both", nft: nat("tcp dport 21 dnat to :2121"), want: [2]string{sure, sure}},
		{name: "a drop after a destination of IPv4", nft: nat("tcp dport 21 dnat ip to 198.51.100.21; drop"), want: [2]string{clean, sure}},
		{name: "a drop in a chain of nat, tracked", nft: nat("drop"), want: [2]string{sure, sure}},
		{name: "a drop in a chain of nat, untracked", nft: alone("drop"), want: [2]string{perhaps, perhaps}},
		{name: "a mark of a chain of nat, untracked", nft: alone("meta mark set 7"), want: [2]string{perhaps, perhaps}},
		{name: "a policy of a chain of nat, untracked", nft: alone("policy drop"), want: [2]string{perhaps, perhaps}},
		{name: "a drop in a chain of nat, IPv6 tracked", nft: alone("drop") + "table ip6 u { chain u { ct mark 1 counter; }; }", want: [2]string{perhaps, sure}},
		{name: "a drop in a chain of nat, IPv4 translated", nft: alone("drop") + "table inet u { chain u { type nat hook postrouting priority 100; snat ip to 192.0.2.9; }; }", want: [2]string{sure, perhaps}},
		{name: "a drop in a chain of nat, both translated", nft: alone("drop") + "table inet u { chain u { type nat hook postrouting priority 100; masquerade; }; }", want: [2]string{sure, sure}},
		{name: "a drop in a chain of nat, a limit of connections", nft: alone("drop") + "table inet u { chain u { ct count over 5 counter; }; }", want: [2]string{sure, sure}},
		{name: "a drop in a chain of nat, a helper", nft: alone("drop") + "table inet u { ct helper h { type \"ftp\" protocol tcp; }\nchain u { tcp dport 99 ct helper set \"h\"; }; }", want: [2]string{sure, sure}},
		{name: "a drop in a chain of nat, a socket and notrack elsewhere", nft: alone("drop") + "table inet u { chain u { socket transparent 1 accept; notrack; }; }", want: [2]string{perhaps, perhaps}},
		{name: "a drop in a chain of nat, iptables with a state", nft: alone("drop"), iptables: "-m conntrack --ctstate INVALID -j ACCEPT", want: [2]string{sure, perhaps}},
		{name: "a drop in a chain of nat, iptables without tracking", nft: alone("drop"), iptables: "-p udp -j CT --notrack", want: [2]string{perhaps, perhaps}},
		{name: "a drop in a chain of nat, not tracked", nft: nat("drop") + "\ntable inet u { chain u { type filter hook prerouting priority raw; notrack; }; }", want: [2]string{perhaps, perhaps}},
		{name: "a proxy that sets the mark", nft: filter("tcp dport 21 tproxy to :1021 meta mark set 7 accept"), want: [2]string{perhaps, perhaps}},
		{name: "a proxy of IPv6 that sets the mark", nft: filter("tcp dport 21 tproxy ip6 to :1021 meta mark set 7 accept"), want: [2]string{clean, perhaps}},
		{name: "a drop after a proxy", nft: filter("tcp dport 21 tproxy to :1021 accept; drop"), want: [2]string{perhaps, perhaps}},
		{name: "a drop after a proxy of IPv4", nft: filter("tcp dport 21 tproxy ip to :1021 accept; drop"), want: [2]string{perhaps, sure}},
		{name: "a queue", iptables: "-p tcp --dport 21 -j NFQUEUE --queue-num 7", want: [2]string{sure, clean}},
		{name: "a queue with bypass", iptables: "-p tcp --dport 21 -j NFQUEUE --queue-num 7 --queue-bypass", want: [2]string{perhaps, clean}},
		{name: "queues with bypass", iptables: "-p tcp --dport 21 -j NFQUEUE --queue-balance 7:9 --queue-bypass --queue-cpu-fanout", want: [2]string{perhaps, clean}},
		{name: "queues without bypass", iptables: "-p tcp --dport 21 -j NFQUEUE --queue-balance 7:9 --queue-cpu-fanout", want: [2]string{sure, clean}},
		{name: "a drop after a queue with bypass", iptables: "-p tcp --dport 21 -j NFQUEUE --queue-num 7 --queue-bypass\n-A PREROUTING -j DROP", want: [2]string{perhaps, clean}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, site.Load("flush ruleset\n"+c.nft+"\n"))
			if c.iptables != "" {
				_, err := site.Run("*raw\n-A PREROUTING "+c.iptables+"\nCOMMIT\n", "iptables-nft-restore")
				require.NoError(t, err)
			}
			spec := &config.Spec{Clusters: []config.Cluster{{
				Name: "ftp", Mark: mark, VIPs: config.SingleAddresses(packets[0].To, packets[1].To), Ports: []config.PortRange{{Protocol: config.TCP, Low: 21, High: 21}},
			}}}
			require.NoError(t, site.Commit(spec))
			observer := Observer{Name: "observer", Priority: 1000, Then: "drop", Size: len(packets)}
			require.NoError(t, site.Load(observer.Text()))
			require.NoError(t, site.wire.Send(packets))
			sight, err := observer.Seen(site.Namespace)
			require.NoError(t, err)
			for i, p := range packets {
				spec.Clusters[0].VIPs = config.SingleAddresses(p.To)
				found := findingsOf(t, site, spec)
				said := clean
				switch {
				case slices.ContainsFunc(found, takesFirst):
					said = sure
				case len(found) > 0:
					said = perhaps
				}
				assert.Equal(t, c.want[i], said, "%s: %s", p, found)
				seen, came := sight.Marks[p]
				if through := came && seen == mark; said != perhaps {
					assert.Equal(t, said == clean, through, "%s: %s", p, found)
				}
			}
		})
	}
}

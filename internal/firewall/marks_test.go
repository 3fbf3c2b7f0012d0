package firewall_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// TestMarksOfSpecs compiles random specs: exactly the packets of the spec get a mark, and
// it is their cluster's.
func TestMarksOfSpecs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		spec := specgen.Spec(r)
		yaml, ruleset := specgen.YAML(spec), nft.Compile(spec)
		all := firewall.Marks(ruleset, firewall.MarkQuery{})
		found := func(vip netip.Addr) []firewall.MarkedPorts {
			i := slices.IndexFunc(all, func(m firewall.MarkedAddresses) bool {
				return config.AddressRange{First: m.First, Last: m.Last}.Contains(vip)
			})
			if i < 0 {
				return nil
			}
			return all[i].Ports
		}
		for i := range spec.Clusters {
			for _, vips := range someVIPs(spec.Clusters[i].VIPs) {
				for _, vip := range []netip.Addr{vips.First.Prev(), vips.First, vips.First.Next(), vips.Last, vips.Last.Next()} {
					require.Equal(t, marksTo(spec, vip), found(vip), "%s of %s", vip, yaml)
				}
			}
		}
		for i := 0; i < len(all); i += 1 + len(all)/40 {
			m := all[i]
			require.Equal(t, marksTo(spec, m.First), m.Ports, yaml)
			require.Equal(t, marksTo(spec, m.Last), m.Ports, yaml)
		}
		if len(all) == 0 || all[0].First != all[0].Last {
			continue
		}
		some := firewall.Marks(ruleset, firewall.MarkQuery{Addresses: []netip.Addr{all[0].First, netip.MustParseAddr("192.0.2.77")}})
		require.Equal(t, all[:1], some)
	}
}

// someVIPs returns at most 40 of the VIPs.
func someVIPs(vips []config.AddressRange) []config.AddressRange { return vips[:min(len(vips), 40)] }

// marksTo returns the marks of packets to an address: on each port, that of the smallest
// VIPs with the address.
func marksTo(spec *config.Spec, vip netip.Addr) []firewall.MarkedPorts {
	smallest := map[config.PortRange]uint64{}
	var list []firewall.MarkedPorts
	for _, b := range config.WithProtocols(spec.Bindings(config.FamilyOf(vip))) {
		if b.Cluster.Only != nil {
			continue // rules with conditions mark no packet for sure
		}
		for _, vips := range b.VIPs {
			for _, ports := range b.Ports {
				count, known := smallest[ports]
				if !vips.Contains(vip) || known && count < vips.Count() {
					continue
				}
				smallest[ports] = vips.Count()
				list = slices.DeleteFunc(list, func(m firewall.MarkedPorts) bool { return m.PortRange == ports })
				list = append(list, firewall.MarkedPorts{PortRange: ports, Mark: b.Mark})
			}
		}
	}
	slices.SortFunc(list, func(a, b firewall.MarkedPorts) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low))
	})
	return list
}

// TestMarksOfRanges has rules and sets with networks and ranges: addresses that no rule
// distinguishes are one range.
func TestMarksOfRanges(t *testing.T) {
	const script = `
table ip t {
	set masked { type ipv4_addr; flags interval; elements = { 10.0.1.0/24, 10.0.2.5-10.0.2.9 }; }
	map pairs { type ipv4_addr . inet_service : mark; flags interval; elements = { 10.0.3.0/25 . 80-90 : 7, 10.0.3.200 . 443 : 8 }; }
	chain late { type filter hook prerouting priority 10; ip daddr 10.0.1.128/25 meta mark 5 meta mark set 6; ip daddr 10.0.1.255 accept; ip daddr 10.0.1.250-10.0.1.255 meta mark set 9; }
	chain early {
		type filter hook prerouting priority -10;
		ip daddr @masked tcp dport 80 meta mark set 5
		tcp dport 80-500 meta mark set ip daddr . tcp dport map @pairs
		iifname "eth0" ip daddr 10.0.9.9 meta mark set 1
		ip daddr & 255.255.255.254 == 10.0.4.2 udp dport 53 jump other
	}
	chain other { ip daddr 10.0.4.3 return; meta mark set 3 accept; }
}
table ip6 t {
	chain c { type filter hook prerouting priority 0; ip6 daddr 2001:db8::/64 tcp dport 0-65535 meta mark set 4; }
}
`
	inScratch(t, func() {
		run(t, script, "-f", "-")
		ruleset := &nft.Ruleset{Tables: readAll(t)}
		var found []string
		for _, m := range firewall.Marks(ruleset, firewall.MarkQuery{}) {
			var text strings.Builder
			text.WriteString(fmt.Sprintf("%s-%s", m.First, m.Last))
			for _, p := range m.Ports {
				text.WriteString(fmt.Sprintf(" %s:%d", p.PortRange, p.Mark))
			}
			found = append(found, text.String())
		}
		assert.Equal(t, []string{
			"10.0.1.0-10.0.1.127 80:5",
			"10.0.1.128-10.0.1.249 80:6",
			"10.0.1.250-10.0.1.254 0-65535:9 udp/0-65535:9 sctp/0-65535:9",
			"10.0.1.255-10.0.1.255 80:6",
			"10.0.2.5-10.0.2.9 80:5",
			"10.0.3.0-10.0.3.127 80-90:7",
			"10.0.3.200-10.0.3.200 443:8",
			"10.0.4.2-10.0.4.2 udp/53:3",
			"2001:db8::-2001:db8::ffff:ffff:ffff:ffff 0-65535:4",
		}, found)
	})
}

// TestMarksOfAddress compares the marks of single addresses with the marks of all.
func TestMarksOfAddress(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	inScratch(t, func() {
		for range 20 {
			var b strings.Builder
			b.WriteString("flush ruleset\ntable ip t {\n\tchain c {\n\t\ttype filter hook prerouting priority 0\n")
			for range 8 {
				fmt.Fprintf(&b, "\t\tip daddr %s %s dport %d-%d meta mark set %d%s\n", randomAddresses(r), []string{"tcp", "udp", "th"}[r.IntN(3)],
					r.IntN(5), 5+r.IntN(5), 1+r.IntN(3), []string{"", " accept", " return"}[r.IntN(3)])
			}
			run(t, b.String()+"\t}\n}\n", "-f", "-")
			ruleset := &nft.Ruleset{Tables: readAll(t)}
			all := firewall.Marks(ruleset, firewall.MarkQuery{})
			for last := range 64 {
				address := netip.AddrFrom4([4]byte{10, 0, 0, byte(last)})
				one := firewall.Marks(ruleset, firewall.MarkQuery{Addresses: []netip.Addr{address}})
				i := slices.IndexFunc(all, func(m firewall.MarkedAddresses) bool { return !address.Less(m.First) && !m.Last.Less(address) })
				if i < 0 {
					assert.Empty(t, one, "%s\n%s", address, &b)
					continue
				}
				require.Len(t, one, 1, "%s\n%s", address, &b)
				assert.Equal(t, all[i].Ports, one[0].Ports, "%s\n%s", address, &b)
			}
		}
	})
}

// randomAddresses returns a random match of some of 64 addresses.
func randomAddresses(r *rand.Rand) string {
	first := r.IntN(32)
	switch r.IntN(5) {
	case 0:
		return fmt.Sprintf("10.0.0.%d", first)
	case 1:
		return fmt.Sprintf("10.0.0.%d/29", first&^7)
	case 2:
		return fmt.Sprintf("!= 10.0.0.%d-10.0.0.%d", first, first+r.IntN(32))
	case 3:
		return fmt.Sprintf("{ 10.0.0.%d, 10.0.0.%d-10.0.0.%d }", first, 33+r.IntN(5), 40+r.IntN(20))
	}
	return fmt.Sprintf("& 255.255.255.%d == 10.0.0.%d", 256-8, first&^7)
}

// readAll reads the tables of the namespace completely.
func readAll(t testing.TB) []*nft.Table {
	t.Helper()
	conn := dial(t)
	tables := foreign(t, conn)
	for _, table := range tables {
		var err error
		table.Sets, err = conn.Sets(table)
		require.NoError(t, err)
		for _, s := range table.Sets {
			for e, err := range conn.Elements(table, s) {
				require.NoError(t, err)
				s.Elements = append(s.Elements, e)
			}
		}
		for _, c := range table.Chains {
			for rule, err := range conn.Rules(table, c) {
				require.NoError(t, err)
				c.Rules = append(c.Rules, rule)
			}
		}
	}
	return tables
}

// BenchmarkMarks finds the marks of 10,000 VIPs, of one cluster and of many.
func BenchmarkMarks(b *testing.B) {
	var many strings.Builder
	many.WriteString("clusters:\n")
	for i := range 10_000 {
		fmt.Fprintf(&many, "  - {name: c%d, mark: %d, vips: [10.128.%d.%d], ports: [%d], real-servers: [{address: 10.0.0.1}]}\n", i, i+1, i/256, i%256, 80+i%64)
	}
	for name, ruleset := range map[string]*nft.Ruleset{
		"one-cluster": nft.Compile(manyVIPs(b, 10_000)), "64-profiles": nft.Compile(parse(b, many.String())),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				require.Len(b, firewall.Marks(ruleset, firewall.MarkQuery{}), 10_000)
			}
		})
	}
}

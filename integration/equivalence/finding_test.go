package equivalence

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// TestFindings loads random foreign tables before and after lvsmark's chains, and
// sends packets of random specs. A packet without a finding keeps its mark. In every
// second case the rules match only known properties of packets: then a packet with a
// finding is dropped or loses its mark. The findings for all packets together are the
// findings for each of them.
func TestFindings(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	t.Parallel()
	site := newSite(t)
	const clean, sure, perhaps = "clean", "sure", "perhaps"
	count := map[string]int{}
	for i := range cases(60) {
		seed, r := random(i)
		spec := specgen.Spec(r)
		packets := slices.DeleteFunc(clusterPackets(r, spec), func(p Packet) bool { return markOf(spec, p) == 0 })
		if len(packets) == 0 {
			continue
		}
		foreign := loadRandomTable(t, site, foreignGenerator{r, packets, i%2 == 0, false})
		observer := Observer{Name: "observer", Priority: 1000, Then: "drop", Size: len(packets)}
		require.NoError(t, site.Commit(spec), seed)
		require.NoError(t, site.Load(observer.Text()), seed)
		require.NoError(t, site.wire.Send(packets))
		sight, err := observer.Seen(site.Namespace)
		require.NoError(t, err, seed)

		var each []string
		for _, p := range packets {
			mark := markOf(spec, p)
			found := findingsOf(t, site, &config.Spec{Clusters: []config.Cluster{{
				Name: "one", Mark: mark, VIPs: config.SingleAddresses(p.To),
				Ports: []config.PortRange{{Protocol: config.Protocol(p.Protocol), Low: p.Port, High: p.Port}},
			}}})
			each = append(each, names(found)...)
			seen, came := sight.Marks[p]
			through := came && seen == mark
			switch {
			case len(found) == 0:
				count[clean]++
				assert.True(t, through, "%s: no warning, but mark %#x, want %#x, came: %t", p, seen, mark, came)
			case slices.ContainsFunc(found, takesFirst):
				count[sure]++
				assert.False(t, through, "%s: arrived with its mark in spite of %s", p, found)
			default:
				count[perhaps]++
				assert.NotZero(t, i%2, "%s: %s", p, found)
			}
		}
		whole := names(findingsOf(t, site, specFor(spec, packets)))
		slices.Sort(each)
		slices.Sort(whole)
		assert.Equal(t, slices.Compact(each), slices.Compact(whole))
		if t.Failed() {
			t.Fatalf("%s\n%s\n%s", seed, specgen.YAML(spec), foreign)
		}
	}
	t.Logf("packets by kind of finding: %v", count)
	for _, said := range []string{clean, sure, perhaps} {
		assert.NotZero(t, count[said], said)
	}
	require.NoError(t, site.Load("delete table inet foreign"))
}

// takesFirst reports whether a finding is certain, and about the first packet of a
// connection to a VIP. The packets of the test are such packets.
func takesFirst(n *firewall.Finding) bool {
	return len(n.Conditions) == 0 && strings.HasPrefix(n.Packets(), "packets to ") && !strings.Contains(n.Packets(), "after the first")
}

func findingsOf(t *testing.T, site *Site, spec *config.Spec) (found []*firewall.Finding) {
	t.Helper()
	require.NoError(t, site.withConn(func(conn *nft.Conn) (err error) {
		tables, err := conn.Foreign()
		if err == nil {
			found, err = firewall.Findings(spec, tables, conn, firewall.Tracking{})
		}
		return err
	}))
	// The observer is a foreign table too.
	return slices.DeleteFunc(found, func(n *firewall.Finding) bool { return n.Table == "observer" })
}

// names returns the rules of findings and their effects.
func names(found []*firewall.Finding) []string {
	var list []string
	for _, n := range found {
		list = append(list, fmt.Sprintf("%s rule %d will %s", n.Chain, n.Handle, n.Effect))
	}
	return list
}

// clusterPackets returns packets that a spec marks: to some VIPs, with ports at the
// ends of the ranges and inside.
func clusterPackets(r *rand.Rand, spec *config.Spec) []Packet {
	packets := map[Packet]bool{}
	for _, b := range bindings(spec) {
		for _, ports := range b.Ports {
			for range 3 {
				vips := b.VIPs[r.IntN(len(b.VIPs))]
				vip := []netip.Addr{vips.First, vips.Last}[r.IntN(2)]
				within := ports.Low + uint16(r.IntN(ports.Width()))
				for _, port := range []uint16{ports.Low, within, ports.High} {
					packets[Packet{vip, uint8(ports.Protocol), port}] = true
				}
			}
		}
	}
	const most = 25
	list := make([]Packet, 0, len(packets))
	for p := range packets {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Packet) int { return strings.Compare(a.String(), b.String()) })
	return list[:min(len(list), most)]
}

// markOf returns the mark of a packet: that of a cluster whose only it meets, or else of the
// smallest VIPs with the address. Clusters with all ports get what others leave.
func markOf(spec *config.Spec, p Packet) uint32 {
	mark, of := uint32(0), uint64(math.MaxUint64)
	for _, b := range bindings(spec) {
		if !meets(p, b.Cluster.Only) || !slices.ContainsFunc(b.Ports, (config.PortRange{Protocol: config.Protocol(p.Protocol), Low: p.Port, High: p.Port}).Overlaps) {
			continue
		}
		for _, vips := range b.VIPs {
			rank := vips.Count() + 1
			if b.Cluster.Only != nil {
				rank = 0
				if b.Cluster.MarkedPorts()[0].IsAll() {
					rank = 1
				}
			}
			if vips.Contains(p.To) && rank < of {
				mark, of = b.Mark, rank
			}
		}
	}
	return mark
}

// meets reports whether a packet from the wire, which has no Ethernet header, meets only.
func meets(p Packet, only *config.Only) bool {
	if only == nil {
		return true
	}
	sources := only.SourcesOf(config.FamilyOf(p.To))
	from := client(config.FamilyOf(p.To))
	return (len(only.Devices) == 0 || slices.Contains(only.Devices, receiver)) &&
		(len(sources) == 0 || slices.ContainsFunc(sources, func(s netip.Prefix) bool { return s.Contains(from) }))
}

// bindings returns the bindings of both families.
func bindings(spec *config.Spec) []config.Binding {
	return slices.Concat(config.WithProtocols(spec.Bindings(config.IPv4)), config.WithProtocols(spec.Bindings(config.IPv6)))
}

// specFor returns a spec that marks only these packets.
func specFor(spec *config.Spec, packets []Packet) *config.Spec {
	s := &config.Spec{}
	for i, p := range packets {
		s.Clusters = append(s.Clusters, config.Cluster{
			Name: fmt.Sprint(i), Mark: markOf(spec, p), VIPs: config.SingleAddresses(p.To),
			Ports: []config.PortRange{{Protocol: config.Protocol(p.Protocol), Low: p.Port, High: p.Port}},
		})
	}
	return s
}

// loadRandomTable loads the first random table that nft accepts. nft refuses tables
// with contradictory conditions.
func loadRandomTable(t *testing.T, site *Site, g foreignGenerator) string {
	t.Helper()
	var err error
	for range 20 {
		table := g.table()
		if err = site.Load(table); err == nil {
			return table
		}
	}
	require.NoError(t, err)
	return ""
}

// A foreignGenerator generates tables with rules about some packets and similar ones.
type foreignGenerator struct {
	r       *rand.Rand
	packets []Packet
	known   bool // rules match only known properties of packets
	flips   bool // rules change the mark there and back
}

// table returns a random foreign table.
func (g foreignGenerator) table() string {
	var b strings.Builder
	b.WriteString("table inet foreign\ndelete table inet foreign\ntable inet foreign {\n")
	fmt.Fprintf(&b, "\tset s4 { type ipv4_addr . inet_proto . inet_service; flags interval; auto-merge; elements = { %s }; }\n", g.elements(true))
	fmt.Fprintf(&b, "\tset s6 { type ipv6_addr . inet_proto . inet_service; elements = { %s }; }\n", g.elements(false))
	for _, chain := range []string{"second", "first"} {
		fmt.Fprintf(&b, "\tchain %s {\n%s\t}\n", chain, g.rules(3, g.jumps(map[string][]string{"first": {"second"}}[chain])))
	}
	if !g.known {
		fmt.Fprintf(&b, "\tchain raw {\n\t\ttype filter hook prerouting priority %s;\n\t\t%s %s\n%s\t}\n", g.pick("-301", "-160"), g.test(), g.pick("notrack", "meta mark set 5", "ct mark set 7", "accept"), g.rules(2, nil))
	}
	priority := []int{-300, -100, -149, 10}[g.r.IntN(4)]
	fmt.Fprintf(&b, "\tchain base {\n\t\ttype filter hook prerouting priority %d; policy %s;\n", priority, []string{"accept", "accept", "drop"}[g.r.IntN(3)])
	fmt.Fprintf(&b, "%s\t}\n}\n", g.rules(6, g.jumps([]string{"first", "second"})))
	return b.String()
}

// jumps returns ends of rules that lead to the chains.
func (g foreignGenerator) jumps(chains []string) (ends []string) {
	for _, c := range chains {
		ends = append(ends, "jump "+c, "goto "+c)
		if p := g.packet(); g.known {
			ends = append(ends, fmt.Sprintf("meta mark vmap { 0 : jump %s, 7 : %s, 5 : %s %s%s }", c, g.pick("accept", "return", "continue"), g.pick("jump", "goto"), c, g.pick("", ", * : drop", ", * : return", ", * : continue")),
				fmt.Sprintf("meta mark set meta mark ^ 2 th dport vmap { %d : jump %s, %d : %s }", p.Port, c, p.Port^1, g.pick("accept", "continue", "jump "+c)))
		}
	}
	return ends
}

func (g foreignGenerator) pick(from ...string) string { return from[g.r.IntN(len(from))] }

// packet returns one of the packets, or a similar one.
func (g foreignGenerator) packet() Packet {
	p := g.packets[g.r.IntN(len(g.packets))]
	switch g.r.IntN(6) {
	case 0:
		p.To = p.To.Next()
	case 1:
		p.Port ^= 1
	}
	return p
}

func (g foreignGenerator) elements(v4 bool) string {
	list := map[string]bool{"192.0.2.254 . tcp . 1": v4, "2001:db8:ffff::1 . tcp . 1": !v4}
	for range 4 {
		if p := g.packet(); p.To.Is4() == v4 {
			list[fmt.Sprintf("%s . %d . %d", p.To, p.Protocol, p.Port)] = true
		}
	}
	var elements []string
	for e, of := range list {
		if of {
			elements = append(elements, e)
		}
	}
	slices.Sort(elements)
	return strings.Join(elements, ", ")
}

func (g foreignGenerator) rules(n int, jumps []string) string {
	var b strings.Builder
	for range 1 + g.r.IntN(n) {
		var tests []string
		for range g.r.IntN(3) {
			tests = append(tests, g.test())
			switch {
			case !g.known || g.r.IntN(4) > 0:
			case g.flips: // findings do not know that a mark is put back
				tests = append(tests, g.pick("meta mark set 7", "meta mark set meta mark ^ 7", "meta mark set meta mark map { 0 : 7, 7 : 0 }"))
			default:
				tests = append(tests, "meta mark set 7")
			}
		}
		if g.known {
			jumps = append(jumps, "meta mark set meta mark map { 0 : 7, 7 : 5, 5 : 0x10005 }", "meta mark set meta mark map { 7 : 5, 5 : 7, * : 2 } "+g.pick("", "return"))
		}
		if g.flips {
			jumps = append(jumps, "notrack", "meta mark set ct mark", "ct mark set meta mark", "meta mark set 5 ip daddr vmap { 203.0.113.9 : accept }")
		}
		if !g.known {
			jumps = append(jumps, "ip ttl set 5", "ip6 hoplimit set 5", "meta l4proto tcp tproxy to :9999")
		}
		what := g.pick(append([]string{"accept", "drop", "return", "continue", "counter", "meta mark set 7", "meta mark set meta mark | 0x10000", "meta mark set meta mark ^ 0 return"}, jumps...)...)
		fmt.Fprintf(&b, "\t\t%s %s\n", strings.Join(tests, " "), what)
	}
	return b.String()
}

// test returns a condition of a rule.
func (g foreignGenerator) test() string {
	p, q := g.packet(), g.packet()
	family, length, other := "ip", 8*g.r.IntN(5), "203.0.113.9"
	if !p.To.Is4() {
		family, length, other = "ip6", 8*g.r.IntN(17), "2001:db8:c::9"
	}
	network, _ := p.To.Prefix(length)
	low, high := min(p.Port, q.Port), max(p.Port, q.Port)
	not := g.pick("", "!= ")
	unknown := []string{
		"ct mark " + not + g.pick("0", "7"), "tcp flags & (fin|syn|rst|ack) " + g.pick("==", "!=") + " " + g.pick("syn", "ack"),
		"ct state vmap { " + g.pick("new", "invalid", "untracked") + " : " + g.pick("accept", "drop") + " }", "meta mark " + not + "5",
		fmt.Sprintf("%s saddr %s%s", family, not, other),
		"iifname " + not + `"nonesuch"`,
		"ct state " + g.pick("new", "established", "{ new, established }"),
	}
	if !g.known && g.r.IntN(2) == 0 {
		return g.pick(unknown...)
	}
	return g.pick(
		fmt.Sprintf("%s daddr %s%s", family, not, p.To),
		fmt.Sprintf("%s daddr %s%s", family, not, network),
		fmt.Sprintf("%s daddr %s{ %s, %s }", family, not, p.To, p.To.Next()),
		fmt.Sprintf("th dport %s%d", not, p.Port),
		fmt.Sprintf("tcp dport %s%d-%d", not, low, max(high, low+1)),
		fmt.Sprintf("udp dport %s{ %d, %d }", not, low, max(high, low+1)),
		fmt.Sprintf("th dport %s %d", g.pick("<", "<=", ">", ">="), p.Port|1),
		fmt.Sprintf("%s daddr . meta l4proto . th dport %s@s%s", family, not, map[string]string{"ip": "4", "ip6": "6"}[family]),
		fmt.Sprintf("th dport vmap { %d : %s, %d : %s }", p.Port, g.pick("accept", "drop", "return"), p.Port^1, g.pick("accept", "drop", "continue")),
		fmt.Sprintf("th dport vmap { %d : %s%s }", p.Port, g.pick("accept", "continue"), map[bool]string{true: ", * : " + g.pick("drop", "return", "continue")}[g.known]),
		fmt.Sprintf("%s daddr vmap { %s : %s }", family, p.To, g.pick("accept", "drop", "return")),
		"meta mark "+not+g.pick("0", "7", "1-1000"),
		"meta mark & 0x1 == "+g.pick("0", "1"),
		"meta nfproto "+g.pick("ipv4", "ipv6"),
		"meta l4proto "+g.pick("tcp", "udp", "{ tcp, udp }"),
	)
}

package equivalence

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/firewall"
)

// TestFlowFindings sends active data and replies of a real server through random foreign
// tables and lvsmark's. A packet that a rule will take does not arrive, or not with the
// source that lvsmark gives it. In every second case the rules match only known properties
// of packets: then a packet without a finding arrives.
func TestFlowFindings(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft", "ip", "sysctl")
	t.Parallel()
	site := newSite(t)
	forwards(t, site)
	count := map[string]int{}
	for i := range cases(80) {
		seed, r := random(i)
		known := i%2 == 0
		g := flowGenerator{r: r, known: known, v4: r.IntN(3) > 0}
		spec, translate := g.spec(t)
		require.NoError(t, site.Commit(spec), seed)
		table := g.load(t, site)
		found := findingsOf(t, site, spec)
		for _, p := range g.packets(translate) {
			sure, perhaps := p.findings(found)
			arrived := site.forwarded(t, p)
			kind := "clean"
			switch {
			case sure:
				kind = "sure"
				assert.False(t, arrived, "%s arrived in spite of %s", p, found)
			case perhaps:
				kind = "perhaps"
			case known:
				assert.True(t, arrived, "%s: no warning, but it did not arrive; others: %s", p, found)
			}
			count[fmt.Sprintf("%s, %s", p.flow, kind)]++
		}
		if t.Failed() {
			t.Fatalf("%s\n%s\ntranslate: %s", seed, table, translate)
		}
	}
	t.Logf("packets by kind of finding: %v", count)
	if testing.Short() {
		return // too few cases for each kind
	}
	for _, flow := range []string{"active data from", "replies of"} {
		for _, kind := range []string{"clean", "sure", "perhaps"} {
			assert.NotZero(t, count[flow+", "+kind], "%s, %s", flow, kind)
		}
	}
}

// The director's own address on the wire, which masquerade takes.
var ownAddress = map[bool]string{true: "192.0.2.1", false: "2001:db8:a::1"}

// forwards makes the namespace forward all packets of the wire back to the wire.
func forwards(t *testing.T, site *Site) {
	t.Helper()
	for _, command := range []string{
		"ip link set lo up",
		"ip address add " + ownAddress[true] + "/32 dev " + receiver,
		"ip -6 address add " + ownAddress[false] + "/128 dev " + receiver + " nodad",
		"ip route add default dev " + receiver,
		"ip -6 route add default dev " + receiver,
		"sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf." + receiver + ".rp_filter=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf." + receiver + ".send_redirects=0",
	} {
		words := strings.Fields(command)
		_, err := site.Run("", words[0], words[1:]...)
		require.NoError(t, err)
	}
	require.NoError(t, unix.SetNonblock(site.wire.tun, true))
}

// A flowPacket is a TCP segment of a real server.
type flowPacket struct {
	flow     string // as findings name it
	later    bool
	from, to netip.AddrPort
	flags    byte
	source   netip.Addr // when it leaves the director; invalid: any
}

func (p flowPacket) String() string {
	return fmt.Sprintf("%s %s -> %s flags %#x", p.flow, p.from, p.to, p.flags)
}

// findings reports whether a rule surely takes the packet, or perhaps.
func (p flowPacket) findings(found []*firewall.Finding) (sure, perhaps bool) {
	const later = " after the first of a connection"
	for _, f := range found {
		for text := range strings.SplitSeq(f.Packets(), "; ") {
			if !strings.HasPrefix(text, p.flow) || !strings.Contains(text, fmt.Sprintf("(ports %d", p.from.Port())) {
				continue
			}
			// Without that suffix it is about first packets, and perhaps about others. The first port
			// is that of the packet, or the finding is about others.
			certain := len(f.Conditions) == 0 && !f.SamePriority && strings.HasSuffix(text, later) == p.later
			sure, perhaps = sure || certain, perhaps || !certain
		}
	}
	return sure, perhaps
}

// forwarded sends a packet and reports whether it leaves the director with its source.
func (s *Site) forwarded(t *testing.T, p flowPacket) bool {
	t.Helper()
	return s.forwardedAs(t, p, p)
}

// forwardedAs sends a packet and reports whether it leaves the director as another one.
func (s *Site) forwardedAs(t *testing.T, sent, p flowPacket) bool {
	t.Helper()
	_, err := unix.Write(s.wire.tun, sent.segment())
	require.NoError(t, err)
	arrived, b := false, make([]byte, 2048)
	for {
		n, err := unix.Read(s.wire.tun, b)
		if err == unix.EAGAIN {
			return arrived
		}
		require.NoError(t, err)
		arrived = arrived || p.left(b[:n])
	}
}

// left reports whether bytes from the wire are the packet.
func (p flowPacket) left(b []byte) bool {
	source, destination, transport := b[12:16], b[16:20], b[20:]
	if p.to.Addr().Is6() {
		source, destination, transport = b[8:24], b[24:40], b[40:]
	}
	return (!p.source.IsValid() || slices.Equal(source, p.source.AsSlice())) && slices.Equal(destination, p.to.Addr().AsSlice()) &&
		len(transport) >= 20 && binary.BigEndian.Uint16(transport) == p.from.Port() && binary.BigEndian.Uint16(transport[2:]) == p.to.Port()
}

// segment encodes the packet (RFC 791, RFC 8200, RFC 9293).
func (p flowPacket) segment() []byte {
	b := make([]byte, 20)
	binary.BigEndian.PutUint16(b, p.from.Port())
	binary.BigEndian.PutUint16(b[2:], p.to.Port())
	b[3+8] = 1 // of the acknowledged number
	b[12], b[13] = 5<<4, p.flags
	binary.BigEndian.PutUint16(b[14:], 0xffff)
	from, to := p.from.Addr().AsSlice(), p.to.Addr().AsSlice()
	pseudo := append(append(slices.Clone(from), to...), 0, unix.IPPROTO_TCP, 0, byte(len(b)))
	binary.BigEndian.PutUint16(b[16:], checksum(pseudo, b))
	header := []byte{0x60, 0, 0, 0, 0, byte(len(b)), unix.IPPROTO_TCP, 64}
	if len(from) == 4 {
		header = []byte{0x45, 0, 0, byte(20 + len(b)), 0, 0, 0x40, 0, 64, unix.IPPROTO_TCP, 0, 0}
		header = append(append(header, from...), to...)
		binary.BigEndian.PutUint16(header[10:], checksum(header))
		return append(header, b...)
	}
	return append(append(append(header, from...), to...), b...)
}

// A flowGenerator generates specs with one real server, its packets, and foreign tables.
type flowGenerator struct {
	r         *rand.Rand
	known, v4 bool // the rules match known properties only
}

func (g flowGenerator) address(v4, v6 string) netip.Addr {
	if g.v4 {
		return netip.MustParseAddr(v4)
	}
	return netip.MustParseAddr(v6)
}

func (g flowGenerator) server() netip.Addr { return g.address("10.0.0.11", "fd00::11") }

func (g flowGenerator) client() netip.Addr { return g.address("203.0.113.9", "2001:db8:c::9") }

func (g flowGenerator) vip() netip.Addr { return g.address("198.51.100.21", "2001:db8::21") }

func (g flowGenerator) spec(t *testing.T) (spec *config.Spec, translate string) {
	t.Helper()
	translate = g.pick("snat", "masquerade", "none")
	yaml := fmt.Sprintf(`{clusters: [{name: ftp, mark: 21, vips: ["%s"], ftp: {passive-ports: 10000-10001, active-data: {translate: %s}}, real-servers: [{address: "%s"}]}], director: {bind: false}}`, g.vip(), translate, g.server())
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(yaml))
	require.NoError(t, err)
	return spec, translate
}

// packets returns active data, and the first and a later packet of replies, of clients that
// the kernel has not seen yet.
func (g flowGenerator) packets(translate string) []flowPacket {
	to := func() netip.AddrPort { return netip.AddrPortFrom(g.client(), 1024+uint16(g.r.IntN(64000))) }
	from := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(g.server(), port) }
	sources := map[string]netip.Addr{"snat": g.vip(), "masquerade": netip.MustParseAddr(ownAddress[g.v4])} // none: any
	const syn, ack = 0x02, 0x10
	return []flowPacket{
		{flow: "active data from", from: from(20), to: to(), flags: syn, source: sources[translate]},
		{flow: "replies of", from: from(21), to: to(), flags: syn | ack},
		{flow: "replies of", from: from(21), to: to(), flags: ack, later: true},
	}
}

func (g flowGenerator) pick(from ...string) string { return from[g.r.IntN(len(from))] }

// load loads the first random table that nft accepts.
func (g flowGenerator) load(t *testing.T, site *Site) string {
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

func (g flowGenerator) table() string {
	var b strings.Builder
	b.WriteString("table inet foreign\ndelete table inet foreign\ntable inet foreign {\n")
	for _, chain := range []string{"second", "first"} {
		fmt.Fprintf(&b, "\tchain %s {\n%s\t}\n", chain, g.rules(2, map[string][]string{"first": {"jump second", "goto second"}}[chain]...))
	}
	base := func(name, typ, hook, priority, policy, rules string) {
		if g.r.IntN(2) == 0 {
			fmt.Fprintf(&b, "\tchain %s {\n\t\ttype %s hook %s priority %s; policy %s;\n%s\t}\n", name, typ, hook, priority, policy, rules)
		}
	}
	jumps := []string{"jump first", "goto first", "jump second"}
	base("raw", "filter", "prerouting", "-300", "accept", g.rules(2, "notrack", "notrack"))
	base("pre", "filter", "prerouting", g.pick("-140", "10"), "accept", g.rules(2, jumps...))
	base("fwd", "filter", "forward", g.pick("0", "99"), g.pick("accept", "drop"), g.rules(6, append(jumps, "reject")...))
	base("post", "filter", "postrouting", "50", "accept", "\t\ttcp sport != 20 accept\n"+g.rules(2, jumps...)) // IPVS would have translated the replies
	nat := g.pick("masquerade", fmt.Sprintf("snat to %s", g.vip()), fmt.Sprintf("snat to %s", g.vip().Next()), "accept")
	if strings.HasPrefix(nat, "snat") {
		nat = "meta nfproto " + map[bool]string{true: "ipv4 snat ip", false: "ipv6 snat ip6"}[g.v4] + nat[4:]
	}
	base("nat", "nat", "postrouting", g.pick("90", "99", "100"), "accept", fmt.Sprintf("\t\ttcp sport 20 %s %s\n", g.test(), nat))
	b.WriteString("}\n")
	return b.String()
}

func (g flowGenerator) rules(n int, more ...string) string {
	var b strings.Builder
	for range 1 + g.r.IntN(n) {
		var tests []string
		for range g.r.IntN(3) {
			tests = append(tests, g.test())
		}
		fmt.Fprintf(&b, "\t\t%s %s\n", strings.Join(tests, " "), g.pick(append([]string{"accept", "drop", "return", "counter", "meta mark set 7"}, more...)...))
	}
	return b.String()
}

// test returns a condition of a rule.
func (g flowGenerator) test() string {
	family, server, client, not := map[bool]string{true: "ip", false: "ip6"}[g.v4], g.server(), g.client(), g.pick("", "!= ")
	if !g.known && g.r.IntN(2) == 0 {
		return g.pick(
			fmt.Sprintf("%s daddr %s%s", family, not, client),
			fmt.Sprintf("%s daddr %s{ %s, %s }", family, not, client, server),
			"tcp dport "+g.pick("1024-65535", "1024-40000", "80", "!= 80", "{ 80, 443 }", ">= 1024", "vmap { 1-30000 : accept, 30001-50000 : drop }"),
			"iifname "+not+g.pick(`"wire"`, `"nonesuch"`),
			"oifname "+not+g.pick(`"wire"`, `"nonesuch"`),
			"limit rate over 1000/second",
		)
	}
	network, _ := server.Prefix(map[bool]int{true: 24, false: 64}[g.v4])
	return g.pick(
		fmt.Sprintf("%s saddr %s%s", family, not, server),
		fmt.Sprintf("%s saddr %s%s", family, not, network),
		fmt.Sprintf("%s saddr %s{ %s, %s }", family, not, server, server.Next()),
		"tcp sport "+not+g.pick("20", "21", "{ 20, 22 }", "20-21", "10000-10001"),
		"ct state "+not+g.pick("new", "invalid", "established", "{ new, established }", "untracked"),
		"ct state vmap { "+g.pick("new", "invalid", "untracked")+" : "+g.pick("accept", "drop", "return")+", established : "+g.pick("accept", "drop")+" }",
		"tcp flags & (fin|syn|rst|ack) "+g.pick("==", "!=")+" "+g.pick("syn", "syn|ack", "ack"),
		"tcp flags "+g.pick("syn", "ack", "fin", "rst"),
		"meta mark "+not+g.pick("0", "7", "21"),
		"ct mark "+not+g.pick("0", "7"),
		"fib daddr type "+not+g.pick("local", "unicast"),
		"meta nfproto "+g.pick("ipv4", "ipv6"),
		"meta l4proto "+g.pick("tcp", "udp"),
	)
}

package equivalence

import (
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

// TestFindingsOfMarks loads random tables whose base chains set marks there and back, and sends
// packets: one of a certain finding has lost its mark or is dropped, and one without a finding has
// its mark.
func TestFindingsOfMarks(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	t.Parallel()
	site := newSite(t)
	var packets []Packet
	spec := &config.Spec{}
	for i := range 6 {
		p := Packet{netip.AddrFrom4([4]byte{198, 51, 100, byte(50 + i)}), unix.IPPROTO_UDP, 53}
		packets = append(packets, p)
		spec.Clusters = append(spec.Clusters, config.Cluster{
			Name: fmt.Sprint(i), Mark: uint32(1 + i), VIPs: config.SingleAddresses(p.To), Ports: []config.PortRange{{Protocol: config.UDP, Low: 53, High: 53}},
		})
	}
	observer := Observer{Name: "observer", Priority: 1000, Then: "drop", Size: len(packets)}
	const clean, sure, perhaps = "clean", "sure", "perhaps"
	count := map[string]int{}
	for i := range cases(100) {
		seed, r := random(i)
		text := "flush ruleset\n" + markTables(r)
		require.NoError(t, site.Load(text), seed)
		require.NoError(t, site.Commit(spec), seed)
		require.NoError(t, site.Load(observer.Text()), seed)
		require.NoError(t, site.wire.Send(packets))
		sight, err := observer.Seen(site.Namespace)
		require.NoError(t, err, seed)
		came := func(mark uint32) bool {
			_, came := sight.Marks[packets[mark-1]]
			return came
		}
		through := func(mark uint32) bool { return came(mark) && sight.Marks[packets[mark-1]] == mark }
		for _, c := range spec.Clusters {
			found := findingsOf(t, site, &config.Spec{Clusters: []config.Cluster{c}})
			switch {
			case len(found) == 0:
				count[clean]++
				assert.True(t, through(c.Mark), "mark %d: no warning", c.Mark)
			case slices.ContainsFunc(found, takesFirst):
				count[sure]++
				assert.False(t, through(c.Mark), "mark %d: arrived in spite of %s", c.Mark, found)
			default:
				count[perhaps]++
			}
		}
		for _, f := range findingsOf(t, site, spec) {
			if !takesFirst(f) {
				continue
			}
			assert.False(t, slices.ContainsFunc(f.Marks(), through), "arrived in spite of %s", f)
			if f.Effect == firewall.Drops {
				assert.False(t, slices.ContainsFunc(f.Marks(), came), "not dropped in spite of %s", f)
			}
		}
		if t.Failed() {
			t.Fatalf("%s\n%s", seed, text)
		}
	}
	t.Logf("packets by kind of finding: %v", count)
	for _, said := range []string{clean, sure, perhaps} {
		assert.NotZero(t, count[said], said)
	}
}

// markTables returns tables whose chains set small marks, and drop. Which of several chains with one
// priority runs first has nothing to do with their names.
func markTables(r *rand.Rand) string {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	number := func() string { return fmt.Sprint(r.IntN(8)) }
	rules := func(n int, ends ...string) string {
		var b strings.Builder
		for range 1 + r.IntN(n) {
			test := pick("", "", "ip daddr 198.51.100."+fmt.Sprint(50+r.IntN(6)), "ip daddr 198.51.100.52/31", "meta mark "+number(), "meta mark != "+number(), "meta mark & 3 == "+number(),
				`iifname "`+receiver+`"`, `iifname "nonesuch"`, "ip saddr 203.0.113.9", "ct mark "+number())
			b.WriteString(test + " " + pick(append(ends, "meta mark set "+number(), "meta mark set "+number(), "meta mark set meta mark ^ "+number(), "meta mark set meta mark & "+number(), "meta mark set meta mark | "+number(),
				"meta mark set meta mark map { "+number()+" : "+number()+" }", "ct mark set meta mark", "meta mark set ct mark", "meta mark set "+number()+" "+pick("accept", "return"), "accept", "return", "drop")...) + "\n")
		}
		return b.String()
	}
	names := []string{"a", "b", "c"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var b strings.Builder
	for _, name := range names[:1+r.IntN(3)] {
		fmt.Fprintf(&b, "table %s %s {\nchain d {\n%s}\nchain c {\ntype filter hook prerouting priority %s;\n%s}\n}\n",
			pick("ip", "inet"), name, rules(2), pick("-149", "-100", "-100", "10"), rules(4, "jump d", "goto d"))
	}
	return b.String()
}

package oldservices

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/importer/live"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/verify"
)

// TestVerify compares random services of each language with specs: with one that does the
// same, and with one that has one change. IPVS of two directors, one with the rules and
// services, one with the spec, does the same with connections exactly if verify says so.
// LVSMARK_PAIRS is the number of pairs, LVSMARK_SEED the first seed.
func TestVerify(t *testing.T) {
	need.IPVS(t)
	need.NFTables(t)
	need.Programs(t, "ip", "nft", "ipvsadm", "iptables-restore")
	count := map[string]int{}
	n, first := cases(t)
	for seed := first; seed < first+n; seed++ {
		r := rand.New(rand.NewPCG(seed, 7))
		services := randomServices(r)
		want, what := services, "nothing"
		if seed%2 == 0 {
			want, what = changed(r, services)
		}
		language := []string{"ipvsadm", "keepalived", "ldirectord"}[seed/2%3]
		evaluate(t, pair{services, spec(want), language, what, seed}, count)
		if t.Failed() {
			return
		}
	}
	t.Log(count)
	if n >= 12 {
		assert.NotZero(t, count["equivalent"])
		assert.NotZero(t, count["different"])
	}
}

// A pair is old services and a spec.
type pair struct {
	services       []service
	spec           string
	language, what string // in which the services are written, and what the spec changes
	seed           uint64
}

func evaluate(t *testing.T, p pair, count map[string]int) {
	t.Helper()
	parsed, _, err := config.Parse("spec.yaml", strings.NewReader(p.spec))
	require.NoError(t, err, p.spec)
	text := languages[p.language](p.services)
	report := compare(t, parsed, rules(p.services), text, "net.ipv4.vs.conntrack = "+setting(p.services)+"\n")
	count[report.Answer()]++
	count[p.what+": "+report.Answer()]++

	before, after := p.old(t, parsed, report), p.new(t, parsed)
	points := p.points(report)
	var sights [2]sight
	for i, site := range []*equivalence.Site{before, after} {
		send(t, site, points)
		sights[i] = seen(t, site, points)
	}
	message := []any{"seed %d, %s, change: %s\n%s%s\n%s\n%s", p.seed, p.language, p.what, rules(p.services), text, p.spec, report.Text()}
	switch report.Answer() {
	case "equivalent":
		assert.Equal(t, sights[0], sights[1], message...)
	case "different":
		assert.NotEqual(t, sights[0], sights[1], message...)
	default:
		assert.Fail(t, "not proven", message...)
	}
}

// old returns a director with the old rules and services. The answer about the kernel is that
// about the files.
func (p pair) old(t *testing.T, spec *config.Spec, report *verify.Report) *equivalence.Site {
	t.Helper()
	site := newSite(t, p.vips())
	_, err := site.Run(rules(p.services), "iptables-restore")
	require.NoError(t, err)
	_, err = site.Run(ipvsadm(p.services), "ipvsadm", "-R")
	require.NoError(t, err)
	set(t, site, config.ConntrackSysctl, setting(p.services))
	old, err := live.Read(site.Path())
	require.NoError(t, err)
	fromKernel, err := verify.Compare(old, spec)
	require.NoError(t, err)
	assert.Equal(t, report.Answer(), fromKernel.Answer(), "seed %d, of the kernel: %s\n%s", p.seed, fromKernel.Text(), report.Text())
	return site
}

// new returns a director with the spec, and with the rules that stay.
func (p pair) new(t *testing.T, spec *config.Spec) *equivalence.Site {
	t.Helper()
	site := newSite(t, p.vips())
	_, err := site.Run(kept(p.services), "iptables-restore")
	require.NoError(t, err)
	serve(t, site, spec)
	tracking := setting(p.services)
	if spec.TranslatesClients() {
		tracking = "1"
	}
	set(t, site, config.ConntrackSysctl, tracking)
	return site
}

// points returns where packets are sent to: each port of each VIP, and those of packets for
// which verify has found a difference.
func (p pair) points(report *verify.Report) []netip.AddrPort {
	var list []netip.AddrPort
	for _, v := range p.vips() {
		for _, port := range all {
			list = append(list, netip.AddrPortFrom(netip.MustParseAddr(v), port))
		}
	}
	for _, d := range report.Differences {
		if to := d.Packet.To; to.Addr().Is4() && slices.Contains(p.vips(), to.Addr().String()) && !slices.Contains(list, to) {
			list = append(list, to)
		}
	}
	r := rand.New(rand.NewPCG(p.seed, 8))
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

func (p pair) vips() []string { return []string{vip(0), vip(1), vip(2), "198.51.100.29"} }

func compare(t *testing.T, spec *config.Spec, files ...string) *verify.Report {
	t.Helper()
	old := &oldconfig.Config{}
	for _, f := range files {
		c, err := importer.Read("old", strings.NewReader(f))
		require.NoError(t, err, f)
		old.Join(c)
	}
	report, err := verify.Compare(old, spec)
	require.NoError(t, err)
	return report
}

// TestGenerator: verify finds the spec of the same services equivalent, and each change a
// difference, in each language.
func TestGenerator(t *testing.T) {
	seeds, pairs := uint64(1000), 0
	if testing.Short() {
		seeds = 100
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 7))
		services := randomServices(r)
		other, what := changed(r, services)
		for language, text := range languages {
			for _, c := range []struct {
				services []service
				answer   string
			}{{services, "equivalent"}, {other, "different"}} {
				parsed, _, err := config.Parse("spec.yaml", strings.NewReader(spec(c.services)))
				require.NoError(t, err, spec(c.services))
				report := compare(t, parsed, rules(services), text(services), "net.ipv4.vs.conntrack = "+setting(services)+"\n")
				require.Equal(t, c.answer, report.Answer(), "seed %d, %s, %s: %s\n%s\n%s\n%s", seed, language, what, report.Text(), rules(services), text(services), spec(c.services))
				pairs++
			}
		}
	}
	t.Logf("%d pairs, half of them equivalent", pairs)
}

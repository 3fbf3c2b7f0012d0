package impact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// BenchmarkAnalyze lists and analyzes changes of one cluster with 10,000 VIPs.
func BenchmarkAnalyze(b *testing.B) {
	const spec = `{clusters: [{name: ftp, mark: 21, vips: [10.128.0.0], ftp: , real-servers: [{address: 10.0.0.1}]}]}`
	base, fewer := manyVIPs(b, spec, 10_000), manyVIPs(b, spec, 9_999)
	for name, c := range map[string]struct{ before, after *nft.Ruleset }{
		"first":     {&nft.Ruleset{}, base},
		"one-vip":   {base, fewer},
		"all-marks": {base, manyVIPs(b, strings.Replace(spec, "mark: 21", "mark: 22", 1), 10_000)},
		"other-map": {base, manyVIPs(b, strings.Replace(spec, "ftp: ", "ftp: {passive-ports: 10000-15000}", 1), 10_000)},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				changes := nft.Compare(c.before, c.after).Changes()
				findConsequences(changes, c.before, c.after)
				for i := range changes {
					_ = changes[i].BeforeText() + changes[i].AfterText()
				}
			}
		})
	}
	b.Run("marks", func(b *testing.B) {
		for b.Loop() {
			marksOf(base, nil)
		}
	})
}

func manyVIPs(b *testing.B, yaml string, n int) *nft.Ruleset {
	b.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(yaml))
	require.NoError(b, err)
	cluster := &spec.Clusters[0]
	for len(cluster.VIPs) < n {
		cluster.VIPs = append(cluster.VIPs, config.SingleAddress(cluster.VIPs[len(cluster.VIPs)-1].Last.Next()))
	}
	return nft.Compile(spec)
}

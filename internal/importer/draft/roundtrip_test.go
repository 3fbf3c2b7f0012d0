package draft_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/importer/draft"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/render/iptables"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// TestRoundTrip renders random specs for iptables and ipvsadm, and imports the result: it
// compiles to the same marks and services, and import finds no difference.
func TestRoundTrip(t *testing.T) {
	compared, sharded := 0, 0
	for seed := range uint64(120) {
		spec := specgen.Spec(rand.New(rand.NewPCG(seed, 1)))
		if hasLargeSNAT(spec) || hasOtherFTP(spec) {
			continue
		}
		spec.Director.Bind = true
		rules, services := iptables.Text(spec), ipvs.Text(ipvs.Compile(spec))
		what := specgen.YAML(spec) + rules + services
		old, err := importer.ReadAll([]importer.File{load(t, "rules", rules), load(t, "services", services)})
		require.NoError(t, err, what)
		d := draft.New(old)
		require.NoError(t, d.Check(old), what)
		if !d.Valid && (strings.Contains(messages(d), "is ambiguous") || strings.Contains(messages(d), "is also in cluster")) {
			continue // clusters that share real servers; a part of a range that is the VIP of another cluster
		}
		require.True(t, d.Valid, "seed %d: %s\n%s\n%s", seed, messages(d), d.Text(), what)
		if becomesFTP(d) {
			continue
		}
		compared++
		if slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool { return c.Sharded() }) {
			sharded++
		}
		for _, f := range d.Findings {
			if strings.Contains(f.Message, "another translation of the address") || strings.Contains(f.Message, "another source address on the way") {
				continue // of clusters that share real servers, or whose active data comes from clients of others
			}
			require.NotContains(t, f.Message, "does not do the same", "seed %d: %s\n%s", seed, d.Text(), what)
		}
		imported, _, err := config.Parse("imported", strings.NewReader(d.Text()))
		require.NoError(t, err, what)
		assert.Equal(t, strings.Contains(rules, "SYN"), imported.Director.Marks == config.FirstPacket, "seed %d: %s", seed, what) // no TCP, no flags
		assert.Equal(t, spec.Director.KeepMarks, imported.Director.KeepMarks, "seed %d: %s", seed, what)
		assert.Equal(t, strings.Contains(rules, "-A OUTPUT"), imported.Director.LocalClients, "seed %d: %s", seed, what) // devices and link-layer addresses are of no packet there
		imported.Director = spec.Director                                                                                // of whose other keys rules and services say nothing
		rename(imported, spec)
		assert.Equal(t, sorted(ipvs.Compile(spec)), sorted(ipvs.Compile(imported)), "seed %d: %s\n%s", seed, d.Text(), what)
		if !hasNetworks(spec) { // rules of iptables do not tell networks of one cluster from its ranges
			assert.Equal(t, marksOf(spec), marksOf(imported), "seed %d: %s\n%s", seed, d.Text(), what)
		}
		if t.Failed() {
			return
		}
	}
	require.Greater(t, compared, 40)
	require.Greater(t, sharded, 5)
}

// hasLargeSNAT reports whether source-nat translates to each address of a large network: rules
// of iptables cannot.
func hasLargeSNAT(spec *config.Spec) bool {
	return slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool {
		return c.SourceNAT == config.SourceNATToVIP && slices.ContainsFunc(c.VIPs, func(r config.AddressRange) bool { return r.Count() > 256 })
	})
}

// marksOf returns the ruleset without translations: if clusters share real servers, rules do
// not tell whose active data they translate.
func marksOf(spec *config.Spec) string {
	for i := range spec.Clusters {
		if f := spec.Clusters[i].FTP; f != nil && f.Active != nil {
			f.Active.Translate = config.NoTranslation
		}
	}
	return withoutShardNumbers(nft.Compile(spec).String())
}

// withoutShardNumbers removes the numbers of shards from the ledger: import counts from the
// first shard with a real server.
func withoutShardNumbers(ruleset string) string {
	lines := strings.Split(ruleset, "/")
	for i := range lines[1:] {
		lines[i+1] = strings.TrimLeft(lines[i+1], "0123456789")
	}
	return strings.Join(lines, "")
}

// hasOtherFTP reports whether the spec has FTP at other ports than 21 and 990, without shards:
// rules do not tell it from other services.
func hasOtherFTP(spec *config.Spec) bool {
	return slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool {
		return c.FTP != nil && !c.Sharded() && !slices.Contains(c.FTP.ControlPorts, 21) && !slices.Contains(c.FTP.ControlPorts, 990)
	})
}

// becomesFTP reports whether import found a cluster of ports to be FTP with direct or tunnel,
// to which it adds the port of active data, or that a family of a cluster has nat only, for
// which it leaves that port out. A cluster of port 21 alone gets the default passive range.
func becomesFTP(d *draft.Draft) bool {
	return slices.ContainsFunc(d.Findings, func(f oldconfig.Remark) bool {
		return strings.Contains(f.Message, "The spec marks them") || strings.Contains(f.Message, "so the spec leaves it out") ||
			strings.Contains(f.Message, "The spec has the default range")
	})
}

func messages(d *draft.Draft) string {
	var text strings.Builder
	for _, f := range d.Findings {
		text.WriteString(f.Message + "\n")
	}
	return text.String()
}

func hasNetworks(spec *config.Spec) bool {
	return slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool {
		return slices.ContainsFunc(c.VIPs, func(r config.AddressRange) bool { return !r.IsSingle() })
	})
}

// rename gives the clusters of a spec the names of the other spec's clusters with their marks.
func rename(spec, names *config.Spec) {
	for i := range spec.Clusters {
		for _, c := range names.Clusters {
			if c.Mark == spec.Clusters[i].Mark && c.Serves(spec.Clusters[i].VIPs[0].Family()) {
				spec.Clusters[i].Name = c.Name
			}
		}
	}
}

func load(t *testing.T, name, text string) importer.File {
	t.Helper()
	f, err := importer.Load(name, strings.NewReader(text))
	require.NoError(t, err, text)
	return f
}

// sorted returns services in the order of their keys, with real servers in the order of
// their addresses: a spec of both families lists them in another order.
func sorted(services []ipvs.VirtualService) []ipvs.VirtualService {
	for _, s := range services {
		slices.SortFunc(s.Destinations, func(a, b ipvs.Destination) int { return a.Address.Compare(b.Address) })
	}
	slices.SortFunc(services, func(a, b ipvs.VirtualService) int { return a.Key.Compare(b.Key) })
	return services
}

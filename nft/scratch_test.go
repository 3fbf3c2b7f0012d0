package nft_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/nftlist"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/nft"
)

// inScratch runs f in a new network namespace with nf_tables.
func inScratch(t *testing.T, f func()) {
	t.Helper()
	need.NFTables(t)
	need.Programs(t, "nft")
	scratch.Do(t, f)
}

// run runs nft in the network namespace of the calling thread.
func run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	return scratch.Run(t, stdin, "nft", args...)
}

// list returns nft's list, without counts of elements.
func list(t *testing.T, what ...string) string {
	t.Helper()
	return nftlist.Uncounted(run(t, "", append([]string{"list"}, what...)...))
}

// asListed returns the text of a ruleset as the installed nft lists it.
func asListed(t *testing.T, text string) string {
	t.Helper()
	version, err := nftlist.Installed(t.Context())
	require.NoError(t, err)
	return version.ListedBy(text)
}

func parse(t *testing.T, yaml string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(yaml))
	require.NoError(t, err)
	return spec
}

func dial(t *testing.T) *nft.Conn {
	t.Helper()
	conn, err := nft.Dial()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func snapshot(t *testing.T, conn *nft.Conn) *nft.Snapshot {
	t.Helper()
	s, err := conn.Snapshot()
	require.NoError(t, err)
	return s
}

func rehearse(t *testing.T, spec *config.Spec) *nft.Ruleset {
	t.Helper()
	r, err := nft.Rehearse(nft.Compile(spec))
	require.NoError(t, err)
	return r
}

// apply commits the ruleset in the network namespace of the calling thread and returns the
// changes.
func apply(t *testing.T, conn *nft.Conn, to *nft.Ruleset) []nft.Change {
	t.Helper()
	now := snapshot(t, conn)
	d := nft.Compare(&now.Ruleset, to)
	after, err := conn.Commit(d, now.Generation)
	require.NoError(t, err)
	generation, err := conn.Generation()
	require.NoError(t, err)
	require.Equal(t, generation, after, "the generation that Commit returns")
	changes := d.Changes()
	nft.AssertDistinct(t, changes)
	return changes
}

// foreignOf returns nft's list of all tables except lvsmark's.
func foreignOf(t *testing.T, conn *nft.Conn) string {
	t.Helper()
	var foreign strings.Builder
	for line := range strings.Lines(list(t, "tables")) {
		fields := strings.Fields(line) // "table ip name"
		ours := slices.ContainsFunc(snapshot(t, conn).Tables, func(t *nft.Table) bool { return t.String() == strings.Join(fields, " ") })
		if !ours {
			foreign.WriteString(list(t, "table", fields[1], fields[2]))
		}
	}
	return foreign.String()
}

// sortedLines sorts a list whose sets and chains may have any order.
func sortedLines(list string) []string {
	return slices.Sorted(strings.Lines(list))
}

func manyVIPs(t *testing.T, n int) *config.Spec {
	t.Helper()
	spec := parse(t, `{clusters: [{name: ftp, mark: 21, vips: [10.128.0.0], ftp: , real-servers: [{address: 10.0.0.1}]}]}`)
	cluster := &spec.Clusters[0]
	for len(cluster.VIPs) < n {
		cluster.VIPs = append(cluster.VIPs, config.SingleAddress(cluster.VIPs[len(cluster.VIPs)-1].Last.Next()))
	}
	return spec
}

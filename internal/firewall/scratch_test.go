package firewall_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// inScratch runs f in a new network namespace with nf_tables.
func inScratch(t testing.TB, f func()) {
	t.Helper()
	need.NFTables(t)
	need.Programs(t, "nft")
	scratch.Do(t, f)
}

// run runs nft in the namespace of the calling thread.
func run(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	return scratch.Run(t, stdin, "nft", args...)
}

func parse(t testing.TB, yaml string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(yaml))
	require.NoError(t, err)
	return spec
}

func dial(t testing.TB) *nft.Conn {
	t.Helper()
	conn, err := nft.Dial()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// findings returns the findings in the namespace of the calling thread.
func findings(t testing.TB, spec *config.Spec) []*firewall.Finding {
	t.Helper()
	conn := dial(t)
	found, err := firewall.Findings(spec, foreign(t, conn), conn, firewall.Tracking{})
	require.NoError(t, err)
	return found
}

func foreign(t testing.TB, conn *nft.Conn) []*nft.Table {
	t.Helper()
	tables, err := conn.Foreign()
	require.NoError(t, err)
	return tables
}

func manyVIPs(t testing.TB, n int) *config.Spec {
	t.Helper()
	spec := parse(t, `{clusters: [{name: ftp, mark: 21, vips: [10.128.0.0], ftp: , real-servers: [{address: 10.0.0.1}]}]}`)
	cluster := &spec.Clusters[0]
	for len(cluster.VIPs) < n {
		cluster.VIPs = append(cluster.VIPs, config.SingleAddress(cluster.VIPs[len(cluster.VIPs)-1].Last.Next()))
	}
	return spec
}

// load loads a file of testdata/programs with nft or iptables-nft-restore.
func load(t *testing.T, file string) {
	t.Helper()
	file = filepath.Join("..", "..", "nft", "testdata", "programs", file)
	if filepath.Ext(file) == ".nft" {
		run(t, "", "-f", file)
		return
	}
	need.Programs(t, "iptables-nft-restore")
	rules, err := os.ReadFile(file)
	require.NoError(t, err)
	restore(t, "iptables-nft-restore", string(rules))
}

func restore(t *testing.T, program, rules string) {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Stdin = strings.NewReader(rules)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, rules)
}

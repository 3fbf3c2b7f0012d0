package config

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The installed nft accepts table names that Parse accepts, and refuses a sample of
// those that Parse refuses.
func TestTableNamesAgainstNft(t *testing.T) {
	for _, tool := range []string{"nft", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("nft --check needs root (CAP_NET_ADMIN)")
	}
	accepted := []string{DefaultTable, "lvs", "ftp", "_", "A1_b", "broute", strings.Repeat("x", maxName)}
	for _, name := range accepted {
		_, _, err := Parse("f", strings.NewReader(oneCluster("ports: [1]")+"director: {table: "+name+"}\n"))
		require.NoError(t, err)
		assert.True(t, nftAccepts(t, name), name)
	}
	for _, name := range []string{"table", "ip", "ip6", "vmap", "rule", "or", "masquerade", "snat", "set", "th"} {
		assert.Contains(t, nftReserved(), name)
		assert.False(t, nftAccepts(t, name), name)
	}
}

func nftAccepts(t *testing.T, table string) bool {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "unshare", "--net", "nft", "--check", "add table ip "+table).CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	if strings.Contains(string(output), "Operation not permitted") || strings.Contains(string(output), "unshare:") {
		t.Skipf("no network namespace can be made here: %s", output)
	}
	return err == nil
}

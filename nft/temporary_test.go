package nft_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// TestReplacedInPlace replaces sets that the kernel cannot change in place: the base chains,
// and thus the hooks, stay. If a chain were unhooked, the kernel would drop packets in
// user space queues, those of other programs too.
func TestReplacedInPlace(t *testing.T) {
	marked := func(mark uint32) *config.Spec {
		spec := manyVIPs(t, 3)
		spec.Clusters[0].Mark = mark
		return spec
	}
	profiles := read(t, "testdata/many-profiles.yaml")
	for _, c := range []struct {
		name     string
		from, to *config.Spec
	}{
		{"map larger than its size", manyVIPs(t, 400), manyVIPs(t, 1100)},
		{"map shrunk", manyVIPs(t, 1100), manyVIPs(t, 400)},
		{"mark changed", marked(21), marked(22)},
		{"ports of a VIP changed among many profiles", parse(t, profiles), swapPorts(t, profiles)},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second := rehearse(t, c.from), rehearse(t, c.to)
			inScratch(t, func() {
				conn := dial(t)
				apply(t, conn, first)
				before := hooks(t)
				apply(t, conn, second)
				now := snapshot(t, conn)
				assert.Empty(t, nft.Compare(&now.Ruleset, second).Changes())
				assert.Equal(t, before, hooks(t))
				assert.NotContains(t, list(t, "ruleset"), "-next")
				assert.Equal(t, nft.InKernelOrder(first, second).String(), now.String())
				restoreAll(t, conn, first)
				back := snapshot(t, conn)
				assert.Equal(t, sortedLines(first.String()), sortedLines(back.String()), "after Restore")
			})
		})
	}
}

// TestContinuesFromTemporary applies after an apply that was killed while its rules looked up
// a copy of the map.
func TestContinuesFromTemporary(t *testing.T) {
	few, many := rehearse(t, manyVIPs(t, 2)), rehearse(t, manyVIPs(t, 1100))
	inScratch(t, func() {
		conn := dial(t)
		apply(t, conn, few)
		run(t, `add map ip lvsmark tcp_21_10000-20000-next { type ipv4_addr : mark; size 4096; elements = { 10.128.0.0 : 21, 10.128.0.1 : 21 }; }
flush chain ip lvsmark prerouting
add rule ip lvsmark prerouting tcp dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000-next accept
add rule ip lvsmark prerouting tcp dport 21 meta mark set ip daddr map @tcp_21_10000-20000-next
`, "-f", "-")
		apply(t, conn, many)
		now := snapshot(t, conn)
		assert.Empty(t, nft.Compare(&now.Ruleset, many).Changes())
		assert.NotContains(t, list(t, "ruleset"), "-next")
	})
}

// hooks returns the tables and base chains with their handles, which change if an object is
// deleted and added.
func hooks(t *testing.T) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(run(t, "", "-a", "list", "ruleset")) {
		if strings.Contains(line, "# handle") && (strings.HasPrefix(line, "table ") || strings.Contains(line, "chain p")) {
			lines = append(lines, line)
		}
	}
	require.NotEmpty(t, lines)
	return lines
}

// swapPorts exchanges the ports of the first two clusters.
func swapPorts(t *testing.T, yaml string) *config.Spec {
	t.Helper()
	spec := parse(t, yaml)
	a, b := &spec.Clusters[0], &spec.Clusters[1]
	a.Ports, b.Ports = b.Ports, a.Ports
	a.FTP, b.FTP = b.FTP, a.FTP
	return spec
}

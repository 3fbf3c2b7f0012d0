package firewall_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestChains translates each ruleset of testdata/exact.txt to the model of package oldconfig.
// A ruleset ends at an empty line; the lines behind it that begin with # are its translation:
// a line for each chain and each rule, sorted, because the order of the elements of a set is
// not defined. With LVSMARK_UPDATE=1 it writes the translations.
func TestChains(t *testing.T) {
	const file = "testdata/exact.txt"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var have strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		var script strings.Builder
		for line := range strings.Lines(block + "\n") {
			if !strings.HasPrefix(line, "#") {
				script.WriteString(line)
			}
		}
		have.WriteString(script.String() + translated(t, script.String()) + "\n")
	}
	if os.Getenv("LVSMARK_UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, []byte(have.String()), 0o644))
	}
	assert.Equal(t, string(text), have.String())
}

func translated(t *testing.T, script string) string {
	t.Helper()
	var b strings.Builder
	inScratch(t, func() {
		run(t, script, "-f", "-")
		conn := dial(t)
		config, err := firewall.Chains(foreign(t, conn), conn)
		require.NoError(t, err, script)
		for _, c := range config.Chains {
			for i, line := range sortedLines(dump.Chains(&oldconfig.Config{Chains: []*oldconfig.Chain{c}})) {
				b.WriteString("# " + strings.Repeat("  ", min(i, 1)) + strings.TrimPrefix(line, "0: ") + "\n")
			}
		}
		for _, remark := range config.NotUnderstood {
			b.WriteString("# not understood: " + remark.Text + ": " + remark.Message + "\n")
		}
	})
	return b.String()
}

// sortedLines sorts the lines after the first, and the values of each match.
func sortedLines(text string) []string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines[1:] {
		words := strings.Split(line, " ")
		for j, word := range words {
			if name, values, ok := strings.Cut(word, "="); ok {
				words[j] = name + "=" + strings.Join(slices.Sorted(slices.Values(strings.Split(values, ","))), ",")
			}
		}
		lines[1+i] = strings.Join(words, " ")
	}
	slices.Sort(lines[1:])
	return lines
}

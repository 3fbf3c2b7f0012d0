package nft_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/nftlist"
)

// TestTextOfStatements compares the text of each statement of nft's manual with the list of
// nft 1.0.6. testdata/texts-differ.txt has those that differ: the list may only shrink.
func TestTextOfStatements(t *testing.T) {
	version, err := nftlist.Installed(t.Context())
	if err != nil || version != (nftlist.Version{1, 0, 6}) {
		t.Skip("compares with nft 1.0.6")
	}
	known := map[string]bool{}
	text, err := os.ReadFile("testdata/texts-differ.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		known[strings.TrimSuffix(line, "\n")] = true
	}
	inScratch(t, func() {
		conn := dial(t)
		loadStatements(t)
		tables, err := conn.Foreign()
		require.NoError(t, err)
		for _, table := range tables {
			for _, chain := range table.Chains {
				listed := rulesListed(list(t, "chain", table.Family.String(), table.Name, chain.Name))
				i := 0
				for r, err := range conn.Rules(table, chain) {
					require.NoError(t, err)
					require.Less(t, i, len(listed))
					line := table.Family.String() + " " + listed[i]
					if got := r.Text(table.Family); got != listed[i] {
						assert.True(t, known[line], "%s: %s", line, got)
					} else {
						assert.False(t, known[line], "now equal, remove it from testdata/texts-differ.txt: %s", line)
					}
					i++
				}
				assert.Len(t, listed, i)
			}
		}
	})
}

// rulesListed returns the rules of nft's list of one chain, without the values of counters.
func rulesListed(list string) (rules []string) {
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		switch {
		case line == "", line == "}", strings.HasSuffix(line, "{"), strings.HasPrefix(line, "type ") && strings.Contains(line, " hook "):
			continue
		}
		for _, counted := range []string{"counter packets 0 bytes 0", "counter packets 1 bytes 2"} {
			line = strings.ReplaceAll(line, counted, "counter")
		}
		rules = append(rules, line)
	}
	return rules
}

package nft_test

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/nftlist"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/nft"
)

// TestTextOfStatements compares the text of each statement of nft's manual, and of those in
// testdata/texts.txt, with the list of nft 1.0.6. testdata/texts-differ.txt has those that
// differ: the list may only shrink.
func TestTextOfStatements(t *testing.T) {
	version, err := nftlist.Installed(t.Context())
	if err != nil || version != (nftlist.Version{1, 0, 6}) {
		t.Skip("compares with nft 1.0.6")
	}
	known := map[string]bool{}
	text, err := os.ReadFile("testdata/texts-differ.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			known[strings.TrimSuffix(line, "\n")] = true
		}
	}
	inScratch(t, func() {
		scratch.Run(t, "", "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
		conn := dial(t)
		accepted := addStatements(t, append(statements(t), statementsOf(t, "texts.txt")...))
		require.GreaterOrEqual(t, len(accepted), minTexts)
		tables, err := conn.ReadTables()
		require.NoError(t, err)
		for _, table := range tables {
			for _, chain := range table.Chains {
				checkTexts(t, table, chain, known)
			}
		}
	})
}

// minTexts is the number of statements of both files that every supported kernel accepts.
const minTexts = 480

// checkTexts compares the texts of the rules of a chain with nft's list, except those known
// to differ.
func checkTexts(t *testing.T, table *nft.Table, chain *nft.Chain, known map[string]bool) {
	t.Helper()
	listed := rulesListed(list(t, "chain", table.Family.String(), table.Name, chain.Name))
	require.Len(t, chain.Rules, len(listed))
	random := rand.New(rand.NewPCG(1, 2))
	for i, r := range chain.Rules {
		checkBroken(t, table, r, random)
		line := table.Family.String() + " " + listed[i]
		if got := r.Text(table.Family); got != listed[i] {
			assert.True(t, known[line], "%s: %s", line, got)
		} else {
			assert.False(t, known[line], "now equal, remove it from testdata/texts-differ.txt: %s", line)
		}
	}
}

// checkBroken asserts that the text of a rule with wrong bytes does not panic.
func checkBroken(t *testing.T, table *nft.Table, r *nft.Rule, random *rand.Rand) {
	t.Helper()
	for range 50 {
		broken, bytes := *r, []byte(r.Expressions)
		bytes[random.IntN(len(bytes))] = byte(random.Uint32())
		bytes[random.IntN(len(bytes))]++
		broken.Expressions = string(bytes)
		require.NotPanics(t, func() { _ = broken.Text(table.Family) }, "%x", bytes)
	}
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

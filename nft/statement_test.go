package nft_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// A statement is a line of testdata/statements.txt.
type statement struct{ family, chain, text string }

// minStatements is the number of statements that every supported kernel accepts.
const minStatements = 240

func statements(t *testing.T) []statement { return statementsOf(t, "statements.txt") }

func statementsOf(t *testing.T, file string) []statement {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	var list []statement
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		place, text, ok := strings.Cut(strings.TrimSpace(line), " | ")
		family, chain, _ := strings.Cut(place, " ")
		require.True(t, ok, line)
		list = append(list, statement{family, chain, text})
	}
	return list
}

// chainHooks are the hooks of the chains in testdata/statements.txt.
var chainHooks = map[string]string{
	"raw": "filter hook prerouting priority -300", "pre": "filter hook prerouting priority 0", "in": "filter hook input priority 0",
	"forward": "filter hook forward priority 0", "post": "filter hook postrouting priority 0",
	"npre": "nat hook prerouting priority -100", "npost": "nat hook postrouting priority 100",
	"ingress": "filter hook ingress device lo priority 0",
}

// addObjects adds to a table the objects that statements refer to, if the kernel supports
// them.
func addObjects(t *testing.T, table string) {
	t.Helper()
	run(t, "", "add", "table", table)
	run(t, "", "add", "chain", table, "other")
	text, err := os.ReadFile("testdata/objects.nft")
	require.NoError(t, err)
	for object := range strings.SplitSeq(string(text), "\n\n") {
		if out, err := try("table " + table + " {\n" + object + "\n}\n"); err != nil {
			t.Logf("the kernel does not support %s: %s", strings.Fields(object)[:2], out)
		}
	}
}

// try loads a script with nft, which may fail.
func try(script string) (string, error) {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	first, _, _ := strings.Cut(string(out), "\n")
	return first, err
}

// loadStatements adds each statement to a foreign table and returns those that the kernel
// accepts.
func loadStatements(t *testing.T) []statement {
	t.Helper()
	accepted := addStatements(t, statements(t))
	require.GreaterOrEqual(t, len(accepted), minStatements)
	t.Logf("%d of %d statements of nft's manual", len(accepted), len(statements(t)))
	return accepted
}

// addStatements adds statements to foreign tables and returns those that the kernel accepts.
func addStatements(t *testing.T, list []statement) []statement {
	t.Helper()
	addObjects(t, "ip t")
	var accepted []statement
	created := map[string]bool{}
	for _, s := range list {
		chain := fmt.Sprintf("%s t %s", s.family, s.chain)
		script := ""
		if !created[chain] {
			script = fmt.Sprintf("add table %s t\nadd chain %s t other\nadd chain %s { type %s; }\n", s.family, s.family, chain, chainHooks[s.chain])
		}
		if out, err := try(script + "add rule " + chain + " " + s.text); err != nil {
			t.Logf("refused: %s %s: %s", s.family, s.text, out)
			continue
		}
		created[chain] = true
		accepted = append(accepted, s)
	}
	return accepted
}

// knownExpressions are the expressions that firewall.Findings can classify.
var knownExpressions = []string{
	"bitwise", "byteorder", "cmp", "counter", "connlimit", "ct", "dup", "dynset", "exthdr", "fib", "flow_offload", "fwd", "hash",
	"immediate", "last", "limit", "log", "lookup", "masq", "meta", "nat", "notrack", "numgen", "objref", "osf", "payload", "queue",
	"quota", "range", "redir", "reject", "rt", "socket", "synproxy", "tproxy", "xfrm",
}

// TestStatements adds all statements of nft's manual to foreign tables, and by hand to
// lvsmark's tables.
func TestStatements(t *testing.T) {
	want := rehearse(t, parse(t, findingSpec))
	inScratch(t, func() {
		conn := dial(t)
		accepted := loadStatements(t)
		checkForeignRead(t, conn)
		apply(t, conn, want)
		accepted = slices.DeleteFunc(accepted, func(s statement) bool { return s.family != "ip" && s.family != "ip6" })
		checkHealed(t, conn, accepted, want)
	})
}

// checkForeignRead asserts that all rules of foreign tables are read, all expressions are
// known, and firewall.Findings evaluates them.
func checkForeignRead(t *testing.T, conn *nft.Conn) {
	t.Helper()
	tables, err := conn.Foreign()
	require.NoError(t, err)
	read := 0
	for _, table := range tables {
		require.Equal(t, "t", table.Name)
		for _, chain := range table.Chains {
			for r, err := range conn.Rules(table, chain) {
				require.NoError(t, err)
				read++
				text, expressions := r.Text(table.Family), 0
				assert.NotEmpty(t, text)
				for e := range r.All() {
					expressions++
					assert.Contains(t, knownExpressions, e.Name, text)
				}
				assert.NotZero(t, expressions, text)
			}
		}
	}
	listed := 0
	for _, family := range []string{"ip", "ip6", "inet", "arp", "netdev"} {
		listed += strings.Count(run(t, "", "-j", "list", "table", family, "t"), `{"rule": `)
	}
	assert.Equal(t, listed, read, "rules that nft lists")
	found, err := firewall.Findings(parse(t, findingSpec), tables, conn, firewall.Tracking{})
	require.NoError(t, err)
	assert.NotEmpty(t, found)
	for _, n := range found {
		assert.NotEqual(t, firewall.Unknown, n.Effect, n)
	}
}

// checkHealed adds the statements to lvsmark's tables: the difference deletes each of them,
// and the next commit removes them all.
func checkHealed(t *testing.T, conn *nft.Conn, by []statement, want *nft.Ruleset) {
	t.Helper()
	ours := func() []string {
		return sortedLines(list(t, "table", "ip", "lvsmark") + list(t, "table", "ip6", "lvsmark"))
	}
	before, theirs := ours(), foreignOf(t, conn)
	addObjects(t, "ip lvsmark")
	var script strings.Builder
	script.WriteString("add chain ip lvsmark byhand\nadd chain ip6 lvsmark byhand\n")
	for _, s := range by {
		script.WriteString(fmt.Sprintf("add rule %s lvsmark byhand %s\n", s.family, s.text))
	}
	run(t, script.String(), "-f", "-")
	deleted := 0
	for _, c := range apply(t, conn, want) {
		assert.Equal(t, nft.Delete, c.Op, c)
		assert.NotEmpty(t, c.BeforeText())
		if c.Kind() == "rule" {
			deleted++
		}
	}
	assert.Equal(t, len(by), deleted)
	assert.Equal(t, before, ours())
	assert.Equal(t, theirs, foreignOf(t, conn))
}

package nft

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// opaqueExpressions are the expressions of testdata that have no typed view: the
// library has no type for them, or its type lacks one of their attributes.
var opaqueExpressions = []string{"bitwise", "ct", "dup", "dynset", "exthdr", "fwd", "hash", "last", "notrack", "osf", "rt", "tproxy", "xfrm"}

// TestExpressionsRoundTrip has the rules of testdata decoded and encoded. What the
// kernel lists of the encoded rules is what it lists of the rules themselves, byte for
// byte.
func TestExpressionsRoundTrip(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	scratch.Do(t, func() {
		loadRealRules(t)
		conn, err := Dial()
		require.NoError(t, err)
		defer conn.Close()
		typed, opaque, taken := map[string]int{}, map[string]int{}, 0
		for _, table := range allTables(t, conn) {
			for _, chain := range table.Chains {
				var added []*Rule
				for _, r := range chain.Rules {
					require.Equal(t, r.Expressions, expressionList(slices.Collect(r.All())), r.Text(table.Family))
					if again := r.reencode(t, table.Family, typed, opaque); r.isAccepted(t, conn, table, chain, again) {
						added = append(added, r)
					}
				}
				listed := rulesOf(t, conn, table, chain)
				require.Len(t, listed, len(chain.Rules)+len(added))
				for i, r := range added {
					assert.Equal(t, r.Expressions, listed[len(chain.Rules)+i].Expressions, r.Text(table.Family))
				}
				taken += len(added)
			}
		}
		t.Logf("%d rules; typed: %v; opaque: %v", taken, typed, opaque)
		assert.Greater(t, taken, 200)
		assert.Greater(t, len(typed), 15)
		assert.Subset(t, opaqueExpressions, slices.Collect(maps.Keys(opaque)))
	})
}

// isAccepted adds the rule once more, encoded again. The kernel does not take a rule that
// looks into a set without a name, which belongs to another rule, and some that it
// does not take either as it listed them itself.
func (r *Rule) isAccepted(t *testing.T, conn *Conn, table *Table, chain *Chain, again *Rule) bool {
	t.Helper()
	if r.usesAnonymousSet(table) {
		return false
	}
	if err := conn.transact([]message{table.newRule(chain, again, 0)}, 0); err != nil {
		require.Error(t, conn.transact([]message{table.newRule(chain, r, 0)}, 0), "%s: %s", r.Text(table.Family), err)
		return false
	}
	return true
}

// reencode is the rule with each expression that has a typed view encoded of it.
func (r *Rule) reencode(t *testing.T, f Family, typed, opaque map[string]int) *Rule {
	t.Helper()
	var list []Expression
	for e := range r.All() {
		view := e.Typed(f)
		if view == nil {
			opaque[e.Name]++
			list = append(list, e)
			continue
		}
		typed[e.Name]++
		encoded, err := newExpression(f, view)
		require.NoError(t, err)
		require.Equal(t, e.Name, encoded.Name)
		list = append(list, encoded)
	}
	return &Rule{Expressions: expressionList(list), Comment: r.Comment, rest: r.rest}
}

// usesAnonymousSet reports whether the rule looks into a set that has no name.
func (r *Rule) usesAnonymousSet(table *Table) bool {
	for e := range r.All() {
		if lookup, ok := e.Typed(table.Family).(*expr.Lookup); ok && table.Set(lookup.SetName) == nil {
			return true
		}
	}
	return false
}

// TestExpressionsOpaque: a view that does not account for every attribute is none.
func TestExpressionsOpaque(t *testing.T) {
	lookup, err := newExpression(IPv4, &expr.Lookup{SourceRegister: reg, SetName: "s"})
	require.NoError(t, err)
	assert.IsType(t, &expr.Lookup{}, lookup.Typed(IPv4))
	for name, data := range map[string][]byte{
		"an attribute that nobody knows": netlink.AppendBigEndian32([]byte(lookup.Data), 99, 1),
		"a flag that nobody knows":       netlink.AppendBigEndian32([]byte(lookup.Data), 5, 1<<7),
		"cut short":                      []byte(lookup.Data[:len(lookup.Data)-1]),
		"too short a number":             netlink.AppendAttribute(nil, 2, []byte{1}),
	} {
		e := Expression{Name: "lookup", Data: string(data)}
		assert.Nil(t, e.Typed(IPv4), name)
		assert.Equal(t, "[lookup]", (&Rule{Expressions: expressionList([]Expression{e})}).Text(IPv4), name)
	}
	zero := netlink.AppendBigEndian32([]byte(lookup.Data), unix.NFTA_LOOKUP_FLAGS, 0)
	assert.NotNil(t, Expression{Name: "lookup", Data: string(zero)}.Typed(IPv4), "a default")
}

// allTables reads every table of the namespace, with what is in it.
func allTables(t *testing.T, conn *Conn) []*Table {
	t.Helper()
	tables, err := conn.Foreign()
	require.NoError(t, err)
	for _, table := range tables {
		table.Sets, err = conn.Sets(table)
		require.NoError(t, err)
		table.Sets = withoutAnonymous(table.Sets)
		for _, chain := range table.Chains {
			chain.Rules = rulesOf(t, conn, table, chain)
		}
	}
	require.NotEmpty(t, tables)
	return tables
}

func rulesOf(t *testing.T, conn *Conn, table *Table, chain *Chain) (rules []*Rule) {
	t.Helper()
	for r, err := range conn.Rules(table, chain) {
		require.NoError(t, err)
		rules = append(rules, r)
	}
	return rules
}

// loadRealRules loads what testdata has of other programs and of nft's manual, as far as
// this machine has the programs and the kernel the expressions.
func loadRealRules(f testing.TB) {
	f.Helper()
	files, _ := filepath.Glob(filepath.Join("testdata", "programs", "*.nft"))
	for _, file := range files {
		if out, err := exec.Command("nft", "-f", file).CombinedOutput(); err != nil {
			f.Errorf("%s: %s", file, out)
		}
	}
	files, _ = filepath.Glob(filepath.Join("testdata", "programs", "*.rules"))
	for _, file := range files {
		cmd := exec.Command("iptables-nft-restore", "-n", file)
		_ = cmd.Run() // not everybody has it
	}
	script := ""
	text, _ := os.ReadFile(filepath.Join("testdata", "statements.txt"))
	for line := range strings.Lines(string(text)) {
		// Those of chains that any kernel has, and that name no object.
		if _, statement, ok := strings.Cut(strings.TrimSpace(line), "ip pre | "); ok && !strings.ContainsAny(statement, "@") && !strings.Contains(statement, "other") {
			script = "add table ip s\nadd chain ip s c { type filter hook prerouting priority 0; }\nadd rule ip s c " + statement + "\n"
			cmd := exec.Command("nft", "-f", "-")
			cmd.Stdin = strings.NewReader(script)
			_ = cmd.Run() // what this kernel lacks is no seed
		}
	}
}

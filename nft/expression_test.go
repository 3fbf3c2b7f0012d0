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
	"github.com/lvsmark/lvsmark/integration/nftlist"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// opaqueExpressions are the expressions of testdata without a typed view: the library has no
// type for them, or its type lacks one of their attributes.
var opaqueExpressions = []string{"bitwise", "ct", "dup", "dynset", "exthdr", "fwd", "hash", "last", "notrack", "osf", "rt", "tproxy", "xfrm"}

// TestExpressionsRoundTrip decodes and encodes the rules of testdata. The kernel lists the
// encoded rules and the original ones byte by byte equal.
func TestExpressionsRoundTrip(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	scratch.Do(t, func() {
		loadRealRules(t)
		conn, err := Dial()
		require.NoError(t, err)
		defer conn.Close()
		typed, opaque, accepted := map[string]int{}, map[string]int{}, 0
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
				accepted += len(added)
			}
		}
		t.Logf("%d rules; typed: %v; opaque: %v", accepted, typed, opaque)
		assert.Greater(t, accepted, 200)
		assert.Greater(t, len(typed), 15)
		version, err := nftlist.Installed(t.Context())
		require.NoError(t, err)
		if !version.Less(nftlist.Version{1, 1, 0}) {
			delete(opaque, "payload") // `udp checksum set 0`, with NFTA_PAYLOAD_CSUM_FLAGS
		}
		assert.Subset(t, opaqueExpressions, slices.Collect(maps.Keys(opaque)))
	})
}

// isAccepted adds the reencoded rule. The kernel refuses rules with lookups in an anonymous
// set, which belongs to another rule, and some rules even in the form that it lists.
func (r *Rule) isAccepted(t *testing.T, conn *Conn, table *Table, chain *Chain, again *Rule) bool {
	t.Helper()
	if r.usesAnonymousSet(table) {
		return false
	}
	if err := conn.transact(table.createRule(chain, again, 0), 0); err != nil {
		require.Error(t, conn.transact(table.createRule(chain, r, 0), 0), "%s: %s", r.Text(table.Family), err)
		return false
	}
	return true
}

// reencode returns the rule with each typed expression decoded and encoded.
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

// usesAnonymousSet reports whether the rule looks up an anonymous set.
func (r *Rule) usesAnonymousSet(table *Table) bool {
	for e := range r.All() {
		if lookup, ok := e.Typed(table.Family).(*expr.Lookup); ok && table.Set(lookup.SetName) == nil {
			return true
		}
	}
	return false
}

// TestExpressionsOpaque: an expression with an attribute unknown to the library has no typed
// view.
func TestExpressionsOpaque(t *testing.T) {
	lookup, err := newExpression(IPv4, &expr.Lookup{SourceRegister: reg, SetName: "s"})
	require.NoError(t, err)
	assert.IsType(t, &expr.Lookup{}, lookup.Typed(IPv4))
	for name, data := range map[string][]byte{
		"an unknown attribute": netlink.AppendBigEndian32([]byte(lookup.Data), 99, 1),
		"an unknown flag":      netlink.AppendBigEndian32([]byte(lookup.Data), 5, 1<<7),
		"truncated":            []byte(lookup.Data[:len(lookup.Data)-1]),
		"a short number":       netlink.AppendAttribute(nil, 2, []byte{1}),
	} {
		e := Expression{Name: "lookup", Data: string(data)}
		assert.Nil(t, e.Typed(IPv4), name)
		assert.Equal(t, "[lookup]", (&Rule{Expressions: expressionList([]Expression{e})}).Text(IPv4), name)
	}
	zero := netlink.AppendBigEndian32([]byte(lookup.Data), unix.NFTA_LOOKUP_FLAGS, 0)
	assert.NotNil(t, Expression{Name: "lookup", Data: string(zero)}.Typed(IPv4), "a default")
}

// allTables reads every table of the namespace with its contents.
func allTables(t *testing.T, conn *Conn) []*Table {
	t.Helper()
	tables, err := conn.Foreign()
	require.NoError(t, err)
	for _, table := range tables {
		table.Sets, err = conn.Sets(table)
		require.NoError(t, err)
		_ = table.takeAnonymous()
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

// loadRealRules loads the rules of other programs and of nft's manual from testdata, if the
// machine has the programs and the kernel supports the expressions.
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
		_ = cmd.Run() // may be missing
	}
	script := ""
	text, _ := os.ReadFile(filepath.Join("testdata", "statements.txt"))
	for line := range strings.Lines(string(text)) {
		// Statements for chains that every kernel has, without references to objects.
		if _, statement, ok := strings.Cut(strings.TrimSpace(line), "ip pre | "); ok && !strings.ContainsAny(statement, "@") && !strings.Contains(statement, "other") {
			script = "add table ip s\nadd chain ip s c { type filter hook prerouting priority 0; }\nadd rule ip s c " + statement + "\n"
			cmd := exec.Command("nft", "-f", "-")
			cmd.Stdin = strings.NewReader(script)
			_ = cmd.Run() // this kernel may not support it
		}
	}
}

// TestComparison: comparison decodes as decode does, and leaves to it what is unusual.
func TestComparison(t *testing.T) {
	for _, data := range [][]byte{{1}, {1, 2}, {1, 2, 3}, {1, 2, 3, 4}, []byte("eth0\x00"), make([]byte, 16)} {
		for _, op := range []expr.CmpOp{expr.CmpOpEq, expr.CmpOpNeq, expr.CmpOpGte} {
			e, err := newExpression(IPv4, &expr.Cmp{Op: op, Register: 9, Data: data})
			require.NoError(t, err)
			fast, ok := e.comparison()
			require.True(t, ok)
			slow, ok := e.decode(IPv4, &expr.Cmp{})
			require.True(t, ok)
			assert.Equal(t, slow, fast)
			for _, broken := range []string{
				e.Data[:len(e.Data)-1], e.Data[8:], e.Data[:16], e.Data + e.Data[:8], e.Data + "x", e.Data[8:16] + e.Data[:8] + e.Data[16:],
				e.Data[:8] + e.Data[:8] + e.Data[16:],
			} {
				_, ok := Expression{"cmp", broken}.comparison()
				assert.False(t, ok, "%x", broken)
			}
		}
	}
	_, ok := Expression{"range", ""}.comparison()
	assert.False(t, ok)
}

// TestDestRegister: expressions without a destination have no register.
func TestDestRegister(t *testing.T) {
	for _, c := range []struct {
		typed    expr.Any
		register uint32
		fills    bool
	}{
		{&expr.Meta{Key: expr.MetaKeyMARK, Register: reg}, reg, true},
		{&expr.Meta{Key: expr.MetaKeyMARK, Register: reg, SourceRegister: true}, 0, false},
		{&expr.Counter{}, 0, false},
	} {
		e, err := newExpression(IPv4, c.typed)
		require.NoError(t, err)
		register, fills := e.DestRegister()
		assert.Equal(t, c.fills, fills, e.Name)
		assert.Equal(t, c.register, register, e.Name)
	}
}

// TestMetaName: a key that nft does not know has its number.
func TestMetaName(t *testing.T) {
	assert.Equal(t, "meta mark", MetaName(expr.MetaKeyMARK))
	assert.Equal(t, "iifname", MetaName(expr.MetaKeyIIFNAME))
	assert.Equal(t, "[meta 77]", MetaName(77))
}

// TestQueueBypass: of the flags of a queue statement, one lets packets pass without a program.
func TestQueueBypass(t *testing.T) {
	for flag, want := range map[expr.QueueFlag]bool{0: false, expr.QueueFlagFanout: false, expr.QueueFlagBypass: true, expr.QueueFlagBypass | expr.QueueFlagFanout: true} {
		e, err := newExpression(IPv4, &expr.Queue{Num: 1, Total: 2, Flag: flag})
		require.NoError(t, err)
		assert.Equal(t, want, e.QueueBypass(), "flags %d", flag)
	}
	assert.False(t, Expression{"queue", ""}.QueueBypass())
}

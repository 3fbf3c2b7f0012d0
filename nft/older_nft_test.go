package nft

import (
	"bytes"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
)

// rangeSpecs have rules of each kind with ranges, with and without a test of the protocol.
var rangeSpecs = []string{
	`{clusters: [{name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ftp: {passive-ports: 1024-65535, active-data: {translate: snat}}, real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}]}`,
	`{clusters: [{name: any, mark: 1, vips: [198.51.100.21, 203.0.113.1], ports: [21, 10000-20000, udp/5000-6000], real-servers: [{address: 10.0.0.11}]}]}`,
	`{clusters: [
		{name: a, mark: 1, vips: [198.51.100.21, "2001:db8::21"], ftp: {passive-ports: 10000-20000}, real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]},
		{name: b, mark: 2, vips: [198.51.100.22], ftp: {passive-ports: 15000-25000, active-data: {source: 10.0.0.0/24}}, real-servers: [{address: 10.0.0.11}]},
		{name: c, mark: 3, vips: [198.51.100.23], ports: [8000-8010], real-servers: [{address: 10.0.0.11}]}]}`,
}

// TestOlderNFT writes lvsmark's rules as nft before 1.1 does after `nft list ruleset` and
// `nft -f`: a range of ports as two comparisons in place of one range expression. The kernel
// lists them, they are no difference, and lvsmark knows what they do.
func TestOlderNFT(t *testing.T) {
	need.NFTables(t)
	ranges := 0
	for _, text := range rangeSpecs {
		spec, _, err := config.Parse("spec.yaml", bytes.NewBufferString(text))
		require.NoError(t, err)
		for _, bare := range []bool{false, true} {
			want, err := Rehearse(Compile(spec))
			require.NoError(t, err)
			scratch.Do(t, func() {
				conn, err := Dial()
				require.NoError(t, err)
				defer conn.Close()
				older := Compile(spec)
				for _, table := range older.Tables {
					ranges += table.useComparisons(t)
					if bare {
						table.loseComments()
					}
				}
				require.NoError(t, conn.transact(createAll(older), 0))
				for _, table := range older.Tables {
					conn.adopted = append(conn.adopted, table.TableName())
				}
				now, err := conn.Snapshot()
				require.NoError(t, err)
				for _, table := range now.Tables {
					assert.True(t, table.MatchesExceptRecords(want.Table(table.Family, table.Name)))
					assert.True(t, table.HasOwnForm())
				}
				changes := Compare(&now.Ruleset, want).Changes()
				assert.Equal(t, bare, len(changes) > 0)
				assertDistinct(t, changes)
				for _, c := range changes {
					assert.NotEqual(t, "rule", c.Kind(), c.BeforeText()+c.AfterText())
				}
			})
		}
	}
	assert.Greater(t, ranges, 8)
}

// loseComments removes the comments that nft -j does not restore.
func (t *Table) loseComments() {
	t.Comment = ""
	for _, s := range t.Sets {
		s.Comment = ""
	}
	for _, c := range t.Chains {
		c.Comment = ""
	}
}

// useComparisons replaces each range expression by two comparisons, >= and <=. It returns
// their number.
func (t *Table) useComparisons(test *testing.T) (ranges int) {
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			var list []Expression
			for e := range r.All() {
				within, ok := e.Typed(t.Family).(*expr.Range)
				if !ok {
					list = append(list, e)
					continue
				}
				for _, compared := range []*expr.Cmp{
					{Op: expr.CmpOpGte, Register: within.Register, Data: within.FromData},
					{Op: expr.CmpOpLte, Register: within.Register, Data: within.ToData},
				} {
					comparison, err := newExpression(t.Family, compared)
					require.NoError(test, err)
					list = append(list, comparison)
				}
				ranges++
			}
			r.Expressions = expressionList(list)
		}
	}
	return ranges
}

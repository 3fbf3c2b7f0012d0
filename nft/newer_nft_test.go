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

// newerSpecs have rules of each kind with ranges, with and without a test of the protocol.
var newerSpecs = []string{
	`{clusters: [{name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ftp: {passive-ports: 1024-65535, active-data: {translate: snat}}, real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}]}`,
	`{clusters: [{name: any, mark: 1, vips: [198.51.100.21, 203.0.113.1], ports: [21, 10000-20000, udp/5000-6000], real-servers: [{address: 10.0.0.11}]}]}`,
	`{clusters: [
		{name: a, mark: 1, vips: [198.51.100.21, "2001:db8::21"], ftp: {passive-ports: 10000-20000}, real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]},
		{name: b, mark: 2, vips: [198.51.100.22], ftp: {passive-ports: 15000-25000, active-data: {source: 10.0.0.0/24}}, real-servers: [{address: 10.0.0.11}]},
		{name: c, mark: 3, vips: [198.51.100.23], ports: [8000-8010], real-servers: [{address: 10.0.0.11}]}]}`,
}

// TestNewerNFT writes lvsmark's rules as nft 1.1 and later do after `nft list ruleset` and
// `nft -f`: a range of ports as one range expression in place of two comparisons. The kernel
// lists them, they are no difference, and lvsmark knows what they do.
func TestNewerNFT(t *testing.T) {
	need.NFTables(t)
	ranges := 0
	for _, text := range newerSpecs {
		spec, _, err := config.Parse("spec.yaml", bytes.NewBufferString(text))
		require.NoError(t, err)
		for _, bare := range []bool{false, true} {
			want, err := Rehearse(Compile(spec))
			require.NoError(t, err)
			scratch.Do(t, func() {
				conn, err := Dial()
				require.NoError(t, err)
				defer conn.Close()
				newer := Compile(spec)
				for _, table := range newer.Tables {
					ranges += table.useRanges(t)
					if bare {
						table.loseComments()
					}
				}
				require.NoError(t, conn.transact(createAll(newer), 0))
				for _, table := range newer.Tables {
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

// useRanges replaces each pair of comparisons, >= and <=, by a range expression. It returns
// their number.
func (t *Table) useRanges(test *testing.T) (ranges int) {
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			var list []Expression
			for e := range r.All() {
				high, ok := e.Typed(t.Family).(*expr.Cmp)
				if ok && high.Op == expr.CmpOpLte {
					low := list[len(list)-1].Typed(t.Family).(*expr.Cmp)
					require.Equal(test, expr.CmpOpGte, low.Op)
					inRange, err := newExpression(t.Family, &expr.Range{Op: expr.CmpOpEq, Register: low.Register, FromData: low.Data, ToData: high.Data})
					require.NoError(test, err)
					list[len(list)-1] = inRange
					ranges++
					continue
				}
				list = append(list, e)
			}
			r.Expressions = expressionList(list)
		}
	}
	return ranges
}

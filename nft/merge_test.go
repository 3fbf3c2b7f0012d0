package nft_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// TestMergeElements: no change to the merged ruleset deletes an element, and no change from
// it adds one. Differences other than elements are reported.
func TestMergeElements(t *testing.T) {
	first := rehearse(t, parse(t, `
clusters:
  - {name: a, mark: 21, vips: [198.51.100.21, 198.51.100.22], ftp: , real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}
  - {name: b, mark: 6, vips: ["2001:db8::1"], ftp: , real-servers: [{address: "fd00::11"}]}
`))
	second := rehearse(t, parse(t, `
clusters:
  - {name: a, mark: 22, vips: [198.51.100.21, 198.51.100.23], ftp: , real-servers: [{address: 10.0.0.12}, {address: 10.0.0.13}]}
`))
	merged, ok := nft.MergeElements(first, second)
	require.True(t, ok)
	inScratch(t, func() {
		conn := dial(t)
		apply(t, conn, first)
		for _, c := range apply(t, conn, merged) {
			assert.NotEqual(t, nft.Delete, c.Op, "%+v", c)
		}
		table := snapshot(t, conn).Tables[0]
		assert.Len(t, table.Set("tcp_21_10000-20000").Elements, 3)
		assert.Len(t, table.Set("masquerade_20").Elements, 3)
		for _, c := range apply(t, conn, second) {
			assert.Equal(t, nft.Delete, c.Op, "%+v", c)
		}
	})

	for name, other := range map[string]string{
		"other ports": `{clusters: [{name: a, mark: 21, vips: [198.51.100.21], ports: [80], real-servers: [{address: 10.0.0.11}]}]}`,
		"intervals":   `{clusters: [{name: a, mark: 21, vips: [198.51.100.21], ftp: {active-data: {source: 10.0.0.0/24}}, real-servers: [{address: 10.0.0.11}]}]}`,
	} {
		_, ok := nft.MergeElements(first, rehearse(t, parse(t, other)))
		assert.False(t, ok, name)
	}
}

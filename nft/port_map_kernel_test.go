package nft_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/nft"
)

const shardHealSpec = `clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: {passive-ports: 10000-10299, passive-shards: 3}, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}]` + "\n"

// TestHealShards changes the marks of shards by hand. The difference contains exactly that
// change, and a commit restores the map.
func TestHealShards(t *testing.T) {
	const shards = "map ip lvsmark shards_21"
	want := rehearse(t, parse(t, shardHealSpec))
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"ports deleted", "delete element ip lvsmark shards_21 { 10100-10199 }", []string{
			text(nft.Add, "element", shards, "", "10100-10199 : 0x00000017"),
		}},
		{"ports added", "add element ip lvsmark shards_21 { 10200-10299 : 24 }", []string{
			text(nft.Delete, "element", shards, "10200-10299 : 0x00000018", ""),
		}},
		{"mark changed", "delete element ip lvsmark shards_21 { 10100-10199 }; add element ip lvsmark shards_21 { 10100-10199 : 22 }", []string{
			text(nft.Add, "element", shards, "", "10100-10199 : 0x00000017"),
			text(nft.Delete, "element", shards, "10100-10199 : 0x00000016", ""),
		}},
		{"map flushed", "flush map ip lvsmark shards_21", []string{
			text(nft.Add, "element", shards, "", "21 : 0x00000015"),
			text(nft.Add, "element", shards, "", "10000-10099 : 0x00000016"),
			text(nft.Add, "element", shards, "", "10100-10199 : 0x00000017"),
		}},
		{"rule deleted", "flush chain ip lvsmark shards_21", []string{
			text(nft.Add, "rule", "chain ip lvsmark shards_21", "", "meta mark set th dport map @shards_21"),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inScratch(t, func() {
				conn := dial(t)
				apply(t, conn, want)
				assert.Empty(t, apply(t, conn, want), "a second apply")
				before := list(t, "table", "ip", "lvsmark")
				run(t, c.script, "-f", "-")
				assert.Equal(t, c.want, texts(apply(t, conn, want)))
				assert.Equal(t, sortedLines(before), sortedLines(list(t, "table", "ip", "lvsmark")))
			})
		})
	}
}

// TestShardsWithoutComment: a table with shards that nft has loaded without its comment has the
// form of lvsmark's.
func TestShardsWithoutComment(t *testing.T) {
	inScratch(t, func() {
		conn := dial(t)
		apply(t, conn, rehearse(t, parse(t, shardHealSpec)))
		table := snapshot(t, conn).Tables[0]
		assert.True(t, table.HasOwnForm())
		rule, ok := table.PortMarkRule(table.Chain("shards_21").Rules[0])
		assert.True(t, ok)
		assert.True(t, rule.Only.Any())
		assert.Len(t, rule.Ports.PortMarks(), 3)
	})
}

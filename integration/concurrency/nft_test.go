package concurrency

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

var nftFile = []string{"nft", "-f", "-"}

// TestForeignTables writes other tables all the time: every apply succeeds.
func TestForeignTables(t *testing.T) {
	w := newFixture(t)
	w.whileWriting(nftFile, foreignTables, func() {
		assert.Equal(t, applyCount(), w.applyAlternately(true))
	})
	w.checkConverges()
}

// foreignTables returns text that adds a table, or deletes the previous one.
func foreignTables(n int) string {
	if n%2 == 1 {
		return fmt.Sprintf("delete table ip other%d\n", n-1)
	}
	return fmt.Sprintf("table ip other%d { map m { type ipv4_addr : mark; elements = { 192.0.2.1 : 7 }; }; chain c { type filter hook prerouting priority mangle; tcp dport 22 accept; }; }\n", n)
}

// TestReload reloads like nftables.service all the time: it flushes the whole ruleset,
// including lvsmark's tables, and loads a file. An apply succeeds, or reports that
// another process changed the tables.
func TestReload(t *testing.T) {
	w := newFixture(t)
	w.whileWriting(nftFile, func(int) string {
		return "flush ruleset\ntable inet filter { chain input { type filter hook input priority filter; }; }\n"
	}, func() {
		w.applyAlternately(false)
	})
	w.checkConverges()
}

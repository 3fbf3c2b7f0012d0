package concurrency

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

var nftFile = []string{"nft", "-f", "-"}

// TestForeignTables writes other tables all the time: that keeps nobody from an
// apply.
func TestForeignTables(t *testing.T) {
	w := newWorld(t)
	w.while(nftFile, foreignTables, func() {
		assert.Equal(t, applies(), w.applyInTurn(true))
	})
	w.settles()
}

// foreignTables makes a table, or deletes the one before.
func foreignTables(n int) string {
	if n%2 == 1 {
		return fmt.Sprintf("delete table ip other%d\n", n-1)
	}
	return fmt.Sprintf("table ip other%d { map m { type ipv4_addr : mark; elements = { 192.0.2.1 : 7 }; }; chain c { type filter hook prerouting priority mangle; tcp dport 22 accept; }; }\n", n)
}

// TestReload does what nftables.service does, all the time: it flushes the whole
// ruleset, lvsmark's tables too, and loads a file. An apply is done or says that
// somebody else was at it.
func TestReload(t *testing.T) {
	w := newWorld(t)
	w.while(nftFile, func(int) string {
		return "flush ruleset\ntable inet filter { chain input { type filter hook input priority filter; }; }\n"
	}, func() {
		w.applyInTurn(false)
	})
	w.settles()
}

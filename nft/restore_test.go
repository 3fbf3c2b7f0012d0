package nft_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// restoreAll restores the ruleset and asserts that nothing is lost.
func restoreAll(t *testing.T, conn *nft.Conn, r *nft.Ruleset) {
	t.Helper()
	restored, err := conn.Restore(r)
	require.NoError(t, err)
	require.Empty(t, restored.Lost)
}

// TestRestoreStatements adds each statement and object of nft's manual to lvsmark's tables,
// applies another spec, and restores all.
func TestRestoreStatements(t *testing.T) {
	first, second := rehearse(t, parse(t, findingSpec)), rehearse(t, parse(t, otherSpec))
	inScratch(t, func() {
		conn := dial(t)
		apply(t, conn, first)
		addObjects(t, "ip lvsmark")
		run(t, "add chain ip lvsmark byhand\nadd chain ip6 lvsmark byhand\n", "-f", "-")
		added := 0
		for _, s := range statements(t) {
			if s.family != "ip" && s.family != "ip6" {
				continue
			}
			if _, err := try(fmt.Sprintf("add rule %s lvsmark byhand %s\n", s.family, s.text)); err == nil {
				added++
			}
		}
		require.Greater(t, added, 200)
		before, checkpoint := list(t, "ruleset"), snapshot(t, conn)
		unrestorable, err := nft.Unrestorable(&checkpoint.Ruleset)
		require.NoError(t, err)
		assert.Empty(t, unrestorable)
		apply(t, conn, second)
		restoreAll(t, conn, &checkpoint.Ruleset)
		assert.Equal(t, sortedLines(before), sortedLines(list(t, "ruleset")))
		now := snapshot(t, conn)
		assert.Empty(t, texts(nft.Compare(&now.Ruleset, &checkpoint.Ruleset).Changes()))
	})
}

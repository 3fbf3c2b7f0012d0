package nft_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// TestLock: the lock has one owner at a time, and a flush of the ruleset does not release it.
func TestLock(t *testing.T) {
	inScratch(t, func() {
		conn := dial(t)
		before := snapshot(t, conn)
		require.Nil(t, before.Locked)
		lock, generation, err := nft.Acquire("pid 1, apply", before.Generation)
		require.NoError(t, err)
		now, err := conn.Generation()
		require.NoError(t, err)
		assert.Equal(t, now, generation)

		_, _, err = nft.Acquire("pid 2, apply", now)
		var locked *nft.LockedError
		require.ErrorAs(t, err, &locked)
		assert.Equal(t, "pid 1, apply", locked.LockOwner)
		require.NotNil(t, snapshot(t, conn).Locked)
		assert.Equal(t, "pid 1, apply", snapshot(t, conn).Locked.LockOwner)

		run(t, "", "flush", "ruleset")
		owner, found, err := conn.LockOwner()
		require.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, "pid 1, apply", owner)

		require.NoError(t, lock.Release())
		after := snapshot(t, conn)
		assert.Nil(t, after.Locked)
		assert.Empty(t, after.Tables)
		assert.Empty(t, after.Foreign)
	})
}

// TestLockStale: the lock is not acquired for an older generation.
func TestLockStale(t *testing.T) {
	inScratch(t, func() {
		conn := dial(t)
		before := snapshot(t, conn)
		run(t, "add table ip other", "-f", "-")
		_, _, err := nft.Acquire("pid 1, apply", before.Generation)
		require.ErrorIs(t, err, nft.ErrStale)
		assert.Nil(t, snapshot(t, conn).Locked)
	})
}

// TestForeignLockTable: a table with the lock's name that has no owner is not a lock.
func TestForeignLockTable(t *testing.T) {
	inScratch(t, func() {
		conn := dial(t)
		run(t, "add table ip "+nft.LockTable, "-f", "-")
		s := snapshot(t, conn)
		assert.Nil(t, s.Locked)
		_, _, err := nft.Acquire("pid 1, apply", s.Generation)
		require.ErrorContains(t, err, "table ip lvsmark-lock")
		require.NotErrorIs(t, err, nft.ErrStale)
	})
}

package lvsmark

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// TestFakeLockToken: the token of a locked checkpoint has the generations before and after
// the lock. If the ruleset changes between the read and the lock, both are done again, up to
// the limit.
func TestFakeLockToken(t *testing.T) {
	for stale, want := range map[int]error{0: nil, 1: nil, applyTries - 1: nil, applyTries: nft.ErrStale} {
		w := newFakeWorld(t)
		w.applied(boundSpec)
		tries := 0
		w.Before = func(call string) error {
			assert.Equal(t, "lock", call)
			if tries++; tries <= stale {
				return nft.ErrStale
			}
			return nil
		}
		before, err := w.Snapshot()
		require.NoError(t, err)
		held, err := newEngine(w.Kernel, w.clock, Options{}).lock(t.Context())
		assert.Equal(t, min(stale+1, applyTries), tries)
		if want != nil {
			require.ErrorIs(t, err, want)
			assert.Nil(t, held)
			continue
		}
		require.NoError(t, err)
		after, err := w.Snapshot()
		require.NoError(t, err)
		assert.Equal(t, LockToken{Before: before.Generation, After: after.Generation}, held.LockToken)
		assert.NotEqual(t, before.Generation, after.Generation)
		assert.Same(t, &held.LockToken, held.opts.LockToken)
		require.NoError(t, held.Release())
	}
}

// TestFakeLockFails: other errors end the attempts, and leave no lock.
func TestFakeLockFails(t *testing.T) {
	w := newFakeWorld(t)
	calls := 0
	w.Before = func(string) error { calls++; return errFake }
	held, err := newEngine(w.Kernel, w.clock, Options{}).lock(t.Context())
	require.ErrorIs(t, err, errFake)
	assert.Nil(t, held)
	assert.Equal(t, 1, calls)

	w.Before = nil
	_, _, err = w.Acquire("pid 1, apply", 0)
	require.NoError(t, err)
	held, err = newEngine(w.Kernel, w.clock, Options{}).lock(t.Context())
	_, ok := errors.AsType[*nft.LockedError](err)
	assert.True(t, ok, "%v", err)
	assert.Nil(t, held)
}

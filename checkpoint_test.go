package lvsmark

import (
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// TestRestore applies each spec, and a removal, over each other under a checkpoint.
// Restore restores the state before, including changes made by hand.
func TestRestore(t *testing.T) {
	worlds := map[string]struct {
		world  func(*testing.T) *world
		specs  []string
		byHand string
	}{
		"marks only": {newWorld, []string{"", unboundSpec}, "nft flush chain ip lvsmark prerouting; sysctl -qw net.ipv4.ip_default_ttl=77"},
		"bound":      {newIPVSWorld, []string{"", boundSpec, otherSpec, unboundSpec}, "ipvsadm -e -f 21 -r 10.0.0.11:0 -m -w 7 -x 100 -y 50; ipvsadm -d -f 21 -r 10.0.0.12:0; sysctl -qw net.ipv4.ip_forward=0"},
	}
	for name, c := range worlds {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			for from, to := range specPairs(c.specs) {
				w.applyText(from)
				if from == c.specs[1] {
					w.run("sh", "-c", c.byHand)
				}
				w.applyAndRestore(to)
				w.remove()
			}
		})
	}
}

// specPairs yields each pair of specs; with -short each spec and the next.
func specPairs(specs []string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i, from := range specs {
			for j, to := range specs {
				if testing.Short() && j != (i+1)%len(specs) {
					continue
				}
				if !yield(from, to) {
					return
				}
			}
		}
	}
}

// applyText applies the spec; "" stands for a removal.
func (w *world) applyText(spec string) {
	w.t.Helper()
	if spec == "" {
		w.remove()
		return
	}
	w.apply(parse(w.t, spec))
}

// applyAndRestore applies the spec under a checkpoint, restores it, and asserts that the
// state is the same.
func (w *world) applyAndRestore(to string) {
	w.t.Helper()
	before := w.state()
	held, err := Lock(w.t.Context(), w.options())
	require.NoError(w.t, err)
	opts := w.options()
	opts.LockToken = &held.LockToken
	if to == "" {
		_, err = applyRemoval(w.t.Context(), opts)
	} else {
		_, err = applySpec(w.t.Context(), parse(w.t, to), opts)
	}
	require.NoError(w.t, err)
	_, err = held.Restore(w.t.Context())
	require.NoError(w.t, err)
	require.NoError(w.t, held.Release())
	// nft lists a set that was deleted and restored after the others.
	assert.Equal(w.t, sortedLines(before), sortedLines(w.state()))
}

// TestLocked: while one process holds the lock, a second apply and a delete are refused
// with its name. A plan needs no lock.
func TestLocked(t *testing.T) {
	w := newWorld(t)
	opts := w.options()
	opts.LockOwner = "apply --confirm 60s"
	held, err := Lock(t.Context(), opts)
	require.NoError(t, err)
	before := w.state()
	spec := parse(t, unboundSpec)
	for _, act := range []func() error{
		func() error { _, err := applySpec(t.Context(), spec, w.options()); return err },
		func() error { _, err := applyRemoval(t.Context(), w.options()); return err },
		func() error { _, err := Lock(t.Context(), w.options()); return err },
	} {
		err := act()
		_, ok := errors.AsType[*nft.LockedError](err)
		require.True(t, ok, "%v", err)
		assert.Contains(t, err.Error(), "apply --confirm 60s, since ")
	}
	assert.NotEmpty(t, w.plan(spec).Changes())
	assert.Equal(t, before, w.state())
	owner, err := LockOwner(w.options())
	require.NoError(t, err)
	assert.Contains(t, owner, "apply --confirm 60s")

	require.NoError(t, held.Release())
	w.apply(spec)
	settled(w, unboundSpec)
}

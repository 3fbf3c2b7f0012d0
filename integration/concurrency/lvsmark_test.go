package concurrency

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestApplies lets processes apply two specs at the same time, again and again.
// What is there afterwards is one of the specs, of which an apply said that it
// is done.
func TestApplies(t *testing.T) {
	const processes = 4
	w := newWorld(t)
	done, refused := 0, 0
	for range applies() {
		outcomes := make([]outcome, processes)
		errs := make([]error, processes)
		var running sync.WaitGroup
		for i := range outcomes {
			running.Go(func() { outcomes[i], errs[i] = w.lvsmark(w.specs[i%2], "apply") })
		}
		running.Wait()
		var won [2]bool
		for i, o := range outcomes {
			require.NoError(t, errs[i])
			w.fair(o)
			if o.status == 0 {
				won[i%2] = true
				done++
			} else {
				refused++
			}
		}
		require.True(t, won[0] || won[1], "somebody wins: %v", outcomes)
		is := [2]bool{w.is(w.specs[0]), w.is(w.specs[1])}
		assert.True(t, is[0] != is[1], "one spec, no mixture: %v", is)
		assert.True(t, is[0] && won[0] || is[1] && won[1], "the spec of one that was done: %v, %v", is, outcomes)
	}
	t.Logf("%d done, %d refused", done, refused)
}

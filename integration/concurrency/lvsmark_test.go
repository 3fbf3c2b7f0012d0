package concurrency

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestApplies runs applies of two specs at the same time, repeatedly. Afterwards the
// kernel matches exactly one spec, and an apply of that spec succeeded.
func TestApplies(t *testing.T) {
	const processes = 4
	w := newFixture(t)
	done, refused := 0, 0
	for range applyCount() {
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
			w.checkOutcome(o)
			if o.status == 0 {
				won[i%2] = true
				done++
			} else {
				refused++
			}
		}
		require.True(t, won[0] || won[1], "at least one apply succeeds: %v", outcomes)
		matches := [2]bool{w.matches(w.specs[0]), w.matches(w.specs[1])}
		assert.True(t, matches[0] != matches[1], "one spec, no mixture: %v", matches)
		assert.True(t, matches[0] && won[0] || matches[1] && won[1], "the spec of a successful apply: %v, %v", matches, outcomes)
	}
	t.Logf("%d done, %d refused", done, refused)
}

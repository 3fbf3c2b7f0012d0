//go:build linux && amd64

package fault_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/fault"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestHungUp sends two SIGHUP during one call of a run, as a shell and the kernel do when
// a session ends. The run must end by itself, with all changes made or all undone.
func TestHungUp(t *testing.T) {
	if testing.Short() {
		t.Skip("does not depend on IPVS")
	}
	need.Hangup(t)
	t.Parallel()
	list := scenarios("marks", "other-marks")
	for _, sc := range []scenario{list[1], list[4]} { // apply and delete
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			s := newRunner(t, newFixture(t), sc)
			s.name += ", hung up"
			defer s.report()
			for _, f := range sample(hangups(s.calls), caseCount(t, 30, len(s.calls))) {
				s.hangUp(f)
			}
			assert.Positive(t, s.counts.outcomes[outcomeOld], "runs that ended early")
		})
	}
}

func hangups(calls []fault.Occurrence) (all []fault.Fault) {
	for _, at := range calls {
		all = append(all, fault.Fault{At: at, Mode: fault.HungUp})
	}
	return all
}

// hangUp runs the scenario with a fault.
func (s *runner) hangUp(f fault.Fault) {
	s.t.Helper()
	what := s.describe(f)
	run, err := fault.Trace(s.command(s.operation), fault.Options{Fault: f, Limit: limit})
	require.NoError(s.t, err, what)
	s.countMissed(run)
	assert.False(s.t, run.Killed, what)
	if run.Status != statusDone {
		assert.Regexp(s.t, `hangup signal received; (undone: .|nothing was changed)`, run.Stderr, what)
	}
	s.check(what, run)
}

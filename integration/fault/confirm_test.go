//go:build linux && amd64

package fault_test

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/fault"
)

// TestNotConfirmed injects faults into an apply that is not confirmed, and into its
// guard. In every case the previous state is restored.
func TestNotConfirmed(t *testing.T) {
	confirmation(t, "apply, not confirmed", 12, func(s *runner, f fault.Fault) fault.Run {
		return s.trace(applyConfirm(s.to, time.Second), f)
	}, func(_ fault.Run, left, before, _ state) bool { return left.equal(before) })
}

// TestHandMadeNotConfirmed is TestNotConfirmed for tables to which objects were added by
// hand.
func TestHandMadeNotConfirmed(t *testing.T) {
	confirmationOf(t, handMadeScenario(), "hand-made, not confirmed", 6, func(s *runner, f fault.Fault) fault.Run {
		return s.trace(applyConfirm(s.to, time.Second), f)
	}, func(_ fault.Run, left, before, _ state) bool { return left.equal(before) })
}

// TestConfirmed injects faults into an apply that another process confirms, and into
// its guard. If confirm succeeds, the new state stays.
func TestConfirmed(t *testing.T) {
	confirmation(t, "apply, confirmed", 12, func(s *runner, f fault.Fault) fault.Run {
		ctx, cancel := context.WithCancel(t.Context())
		confirmed := make(chan bool)
		go func() { confirmed <- s.retryConfirm(ctx) }()
		run := s.trace(applyConfirm(s.to, confirmTime), f)
		cancel()
		if <-confirmed {
			run.Stdout += confirmedMarker
		}
		return s.confirmedWithout(f, run)
	}, func(run fault.Run, left, before, after state) bool {
		if strings.Contains(run.Stdout, confirmedMarker) || !run.Killed && run.Status == statusDone {
			return left.equal(after)
		}
		return left.equal(before)
	})
}

// TestConfirm injects faults into the confirm command.
func TestConfirm(t *testing.T) {
	confirmation(t, "confirm", 12, func(s *runner, f fault.Fault) fault.Run {
		args := s.command(applyConfirm(s.to, confirmTime))
		apply := exec.Command(args[0], args[1:]...)
		waits, err := apply.StderrPipe()
		require.NoError(s.t, err)
		require.NoError(s.t, apply.Start())
		_, err = waits.Read(make([]byte, 1)) // the message that it waits
		require.NoError(s.t, err)
		run := s.trace(confirm(), f)
		kept := apply.Wait() == nil
		if !run.Killed && run.Status == statusDone {
			assert.True(s.t, kept, s.describe(f))
		}
		if kept {
			run.Stdout += confirmedMarker
		}
		return s.confirmedWithout(f, run)
	}, func(run fault.Run, left, before, after state) bool {
		if strings.Contains(run.Stdout, confirmedMarker) {
			return left.equal(after)
		}
		return left.equal(before)
	})
}

const confirmedMarker = "confirm succeeded"

// confirmedWithout checks that a run without fault was confirmed: its calls are those of the faults.
func (s *runner) confirmedWithout(f fault.Fault, run fault.Run) fault.Run {
	s.t.Helper()
	if f == (fault.Fault{}) {
		require.Contains(s.t, run.Stdout, confirmedMarker, "a run without fault: %s", run.Stderr)
	}
	return run
}

// confirmTime is the time to confirm an apply, also with a traced process on a busy machine:
// without the confirmation, the run does not make the calls of the faults.
const confirmTime = 15 * time.Second

// retryConfirm runs lvsmark confirm until it succeeds or the context ends. It does not kill
// the last run: that one may have confirmed, and not ended yet.
func (s *runner) retryConfirm(ctx context.Context) bool {
	args := s.command(confirm())
	for ctx.Err() == nil {
		if exec.Command(args[0], args[1:]...).Run() == nil {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

func (s *runner) trace(d operation, f fault.Fault) fault.Run {
	s.t.Helper()
	run, err := fault.Trace(s.command(d), fault.Options{Fault: f, Limit: limit})
	require.NoError(s.t, err, f)
	return run
}

// maxConfirmations limits the number of cases in the long form: each waits for the
// confirmation timeout.
const maxConfirmations = 600

// confirmation runs a sample of the cases of one kind, in parallel.
func confirmation(t *testing.T, name string, quick int, do func(*runner, fault.Fault) fault.Run, ok func(run fault.Run, left, before, after state) bool) {
	t.Helper()
	confirmationOf(t, scenarios("marks", "other-marks")[1], name, quick, do, ok)
}

func confirmationOf(t *testing.T, sc scenario, name string, quick int, do func(*runner, fault.Fault) fault.Run, ok func(run fault.Run, left, before, after state) bool) {
	t.Helper()
	t.Parallel()
	if testing.Short() {
		t.Skip("does not depend on IPVS")
	}
	for i := range parallelFixtures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRunner(t, newFixture(t), sc)
			s.name = name
			s.recordCalls(func() fault.Run { return do(s, fault.Fault{}) })
			defer s.report()
			some, _ := cases(s.calls)
			// With a persistent fault, the guard cannot restore the state either.
			some = slices.DeleteFunc(some, func(f fault.Fault) bool { return f.Persistent })
			for j, f := range sample(some, caseCount(t, quick, maxConfirmations)) {
				if j%parallelFixtures != i {
					continue
				}
				run := do(s, f)
				s.countMissed(run)
				left := s.state()
				if !ok(run, left, s.before, s.after) {
					t.Errorf("%s: exit status %d, not as before: %q, not as after: %q; %s", s.describe(f), run.Status, left.differences(s.before), left.differences(s.after), run.Stderr)
				}
				s.countSuccess(left)
				s.converge(s.describe(f))
			}
		})
	}
}

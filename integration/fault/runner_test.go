//go:build linux && amd64

package fault_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/fault"
)

// limit is the timeout of a run.
const limit = 2 * time.Minute

// A runner runs the cases of one scenario in its own fixture.
type runner struct {
	*fixture
	scenario
	before, after state
	calls         []fault.Occurrence
	duration      time.Duration // of a run without fault
	counts        counts
	planned       bool // the operation applies a plan file
}

// counts are numbers of cases of a runner.
type counts struct {
	cases, converged int
	missed           int // the run did not make the call of the fault
	outcomes         map[outcome]int
}

// newRunner runs the scenario without a fault, and records its calls and its duration.
func newRunner(t *testing.T, w *fixture, sc scenario) *runner {
	t.Helper()
	s := &runner{fixture: w, scenario: sc, counts: counts{outcomes: map[outcome]int{}}}
	if s.planned = sc.name == planFileScenario; s.planned {
		s.operation = w.applyFile(sc.to)
	}
	if sc.from != "" {
		status, text := w.do(apply(sc.from))
		require.Zero(t, status, text)
	}
	s.addByHand()
	s.before = w.state()
	s.recordCalls(func() fault.Run {
		s.prepare()
		run := s.trace(s.operation, fault.Fault{})
		require.Zero(t, run.Status, run.Stderr)
		s.after = s.state()
		return run
	})
	require.NotEmpty(t, s.calls)
	require.NotEmpty(t, s.before.differences(s.after))
	s.prepare()
	begin := time.Now()
	s.do(s.operation)
	s.duration = time.Since(begin)
	s.reset("a run without fault")
	return s
}

// recordCalls records the calls of the shorter of two runs without fault. On a busy machine a
// run may read the state again; a fault in such a call would meet none later.
func (s *runner) recordCalls(run func() fault.Run) {
	s.t.Helper()
	for try := range 2 {
		calls := run().Calls
		if s.reset("a run without fault"); try == 0 || len(calls) < len(s.calls) {
			s.calls = calls
		}
	}
}

// reset restores the state before the scenario.
func (s *runner) reset(after string) {
	s.t.Helper()
	status, text := s.do(operationFor(s.scenario.from))
	require.Zero(s.t, status, "reset after %s: %s", after, text)
	s.addByHand()
	require.Empty(s.t, s.before.differences(s.state()), "reset after %s: %s", after, text)
}

// addByHand adds the scenario's objects to lvsmark's tables, and runs what comes before it.
func (s *runner) addByHand() {
	s.t.Helper()
	if s.byHand != "" {
		s.runWith(s.byHand, "nft", "-f", "-")
	}
	if s.then.verb != nil {
		status, text := s.do(s.then)
		require.Zero(s.t, status, text)
	}
}

// prepare writes the plan file if the scenario applies one.
func (s *runner) prepare() {
	s.t.Helper()
	if s.planned {
		status, text := s.do(s.save(s.to))
		require.Equal(s.t, statusDone, status, text)
	}
}

func (s *runner) describe(f fault.Fault) string {
	if f == (fault.Fault{}) {
		return s.name + ", without fault"
	}
	return fmt.Sprintf("%s, %s", s.name, f)
}

// injectEach runs the scenario with each of the faults.
func (s *runner) injectEach(faults []fault.Fault) {
	s.t.Helper()
	defer s.report()
	for _, f := range faults {
		s.inject(f)
	}
}

// inject runs the scenario with a fault, and then without.
func (s *runner) inject(f fault.Fault) {
	s.t.Helper()
	what := s.describe(f)
	s.prepare()
	run, err := fault.Trace(s.command(s.operation), fault.Options{Fault: f, Limit: limit})
	require.NoError(s.t, err, what)
	s.countMissed(run)
	s.check(what, run)
}

// countMissed counts a run that did not make the call of its fault.
func (s *runner) countMissed(run fault.Run) {
	if !run.Hit {
		s.counts.missed++
	}
}

// check classifies the state after a run, and checks that the next run converges.
func (s *runner) check(what string, run fault.Run) {
	s.t.Helper()
	s.counts.cases++
	got, err := classify(run, s.state(), s.before, s.after)
	if err != nil {
		s.t.Errorf("%s: %v", what, err)
	}
	s.counts.outcomes[got]++
	s.converge(what)
}

// countSuccess counts a run with a correct outcome.
func (s *runner) countSuccess(left state) {
	s.counts.cases++
	if left.equal(s.before) {
		s.counts.outcomes[outcomeOld]++
	} else {
		s.counts.outcomes[outcomeNew]++
	}
}

// converge runs lvsmark without a fault: it must reach the desired state of the
// failed run. Then it resets the state.
func (s *runner) converge(what string) {
	s.t.Helper()
	again := s.again
	if again.verb == nil {
		again = operationFor(s.to) // a plan file is for the previous state only
	}
	status, text := s.do(again)
	if assert.Zero(s.t, status, "%s; the next run: %s", what, text) && assert.Empty(s.t, s.after.differences(s.state()), what) {
		s.counts.converged++
	}
	if s.to != "" && s.again.verb == nil && !testing.Short() {
		status, text = s.do(diff(s.to))
		assert.Zero(s.t, status, "%s: %s", what, text)
	}
	s.reset(what)
}

// report prints the counts, and checks that at most 10 % of the faults met no call.
func (s *runner) report() {
	s.t.Helper()
	c := s.counts
	assert.LessOrEqual(s.t, c.missed, 1+c.cases/10, "faults of %d that met no call", c.cases)
	fmt.Printf("faults: %-22s %5d calls %5d cases: %5d old %5d new %4d reported %4d in between; %5d converged\n", s.name, len(s.calls),
		c.cases, c.outcomes[outcomeOld], c.outcomes[outcomeNew], c.outcomes[outcomeReported], c.outcomes[outcomeBetween], c.converged)
}

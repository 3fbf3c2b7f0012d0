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

// limit is for a run that hangs.
const limit = 2 * time.Minute

// A stage is a turn in a world of its own.
type stage struct {
	*world
	turn
	before, after state
	calls         []fault.Place
	span          time.Duration // of an undisturbed run
	counts        counts
	planned       bool // the operation is to apply a plan file
}

// counts of the cases of a stage.
type counts struct {
	cases, converged int
	missed           int // the call to be spoiled did not come
	verdicts         map[verdict]int
}

// newStage runs the turn once without a fault, and counts the calls.
func newStage(t *testing.T, w *world, turn turn) *stage {
	t.Helper()
	s := &stage{world: w, turn: turn, counts: counts{verdicts: map[verdict]int{}}}
	if s.planned = turn.name == planned; s.planned {
		s.operation = w.applyFile(turn.to)
	}
	if turn.from != "" {
		status, text := w.do(apply(turn.from))
		require.Zero(t, status, text)
	}
	s.before = w.state()
	s.prepare()
	run, err := fault.Trace(w.command(s.operation), fault.Options{Limit: limit})
	require.NoError(t, err)
	require.Zero(t, run.Status, run.Stderr)
	require.NotEmpty(t, run.Calls)
	s.calls = run.Calls
	s.after = w.state()
	require.NotEmpty(t, s.before.differences(s.after))
	s.back("an undisturbed run")
	s.prepare()
	begin := time.Now()
	s.do(s.operation)
	s.span = time.Since(begin)
	s.back("an undisturbed run")
	return s
}

// back brings the state before back.
func (s *stage) back(after string) {
	s.t.Helper()
	status, text := s.do(towards(s.turn.from))
	require.Zero(s.t, status, "back, after %s: %s", after, text)
	require.Empty(s.t, s.before.differences(s.state()), "back, after %s: %s", after, text)
}

// prepare writes the plan that the turn applies, if it does that.
func (s *stage) prepare() {
	s.t.Helper()
	if s.planned {
		status, text := s.do(s.save(s.to))
		require.Equal(s.t, statusDone, status, text)
	}
}

func (s *stage) say(f fault.Fault) string {
	if f == (fault.Fault{}) {
		return s.name + ", undisturbed"
	}
	return fmt.Sprintf("%s, %s", s.name, f)
}

// spoilEach runs the turn with each of the faults in turn.
func (s *stage) spoilEach(faults []fault.Fault) {
	s.t.Helper()
	defer s.report()
	for _, f := range faults {
		s.spoil(f)
	}
}

// spoil runs the turn with a fault, and once more without.
func (s *stage) spoil(f fault.Fault) {
	s.t.Helper()
	what := s.say(f)
	s.prepare()
	run, err := fault.Trace(s.command(s.operation), fault.Options{Fault: f, Limit: limit})
	require.NoError(s.t, err, what)
	s.meets(run)
	s.close(what, run)
}

// meets takes down whether the run had the call that was to be spoiled.
func (s *stage) meets(run fault.Run) {
	if !run.Hit {
		s.counts.missed++
	}
}

// close assesses what a run left; the next run converges.
func (s *stage) close(what string, run fault.Run) {
	s.t.Helper()
	s.counts.cases++
	got, err := assess(run, s.state(), s.before, s.after)
	if err != nil {
		s.t.Errorf("%s: %v", what, err)
	}
	s.counts.verdicts[got]++
	s.converge(what)
}

// count takes a run that ended well.
func (s *stage) count(left state) {
	s.counts.cases++
	if left.equal(s.before) {
		s.counts.verdicts[isOld]++
	} else {
		s.counts.verdicts[isNew]++
	}
}

// converge runs lvsmark undisturbed: it comes to the end that the run before it
// should have come to, and back.
func (s *stage) converge(what string) {
	s.t.Helper()
	status, text := s.do(towards(s.to)) // a plan file was for the state before
	if assert.Zero(s.t, status, "%s; the next one: %s", what, text) && assert.Empty(s.t, s.after.differences(s.state()), what) {
		s.counts.converged++
	}
	if s.to != "" && !testing.Short() {
		status, text = s.do(diff(s.to))
		assert.Zero(s.t, status, "%s: %s", what, text)
	}
	s.back(what)
}

// report prints the counts. Nearly all faults met a call.
func (s *stage) report() {
	s.t.Helper()
	c := s.counts
	assert.LessOrEqual(s.t, c.missed, 1+c.cases/10, "of %d faults so many met no call", c.cases)
	fmt.Printf("faults: %-22s %5d calls %5d cases: %5d old %5d new %4d named %4d in between; %5d converged\n", s.name, len(s.calls),
		c.cases, c.verdicts[isOld], c.verdicts[isNew], c.verdicts[isNamed], c.verdicts[isBetween], c.converged)
}

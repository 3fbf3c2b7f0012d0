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

// TestNotConfirmed spoils the calls of an apply that nobody confirms, and of its
// guard: whichever it hits or kills, all comes back.
func TestNotConfirmed(t *testing.T) {
	confirmation(t, "apply, not confirmed", 12, func(s *stage, f fault.Fault) fault.Run {
		return s.trace(applyOrNot(s.to, time.Second), f)
	}, func(_ fault.Run, left, before, _ state) bool { return left.equal(before) })
}

// TestConfirmed spoils the calls of an apply that somebody confirms, and of its
// guard. Who is told that it is confirmed can rely on it.
func TestConfirmed(t *testing.T) {
	confirmation(t, "apply, confirmed", 12, func(s *stage, f fault.Fault) fault.Run {
		ctx, cancel := context.WithCancel(t.Context())
		confirmed := make(chan bool)
		go func() { confirmed <- s.confirmAgainAndAgain(ctx) }()
		run := s.trace(applyOrNot(s.to, 2*time.Second), f)
		cancel()
		if <-confirmed {
			run.Stdout += saysConfirmed
		}
		return run
	}, func(run fault.Run, left, before, after state) bool {
		if strings.Contains(run.Stdout, saysConfirmed) || !run.Killed && run.Status == statusDone {
			return left.equal(after)
		}
		return left.equal(before)
	})
}

// TestConfirm spoils the calls of the command that confirms.
func TestConfirm(t *testing.T) {
	confirmation(t, "confirm", 12, func(s *stage, f fault.Fault) fault.Run {
		args := s.command(applyOrNot(s.to, 2*time.Second))
		apply := exec.Command(args[0], args[1:]...)
		waits, err := apply.StderrPipe()
		require.NoError(s.t, err)
		require.NoError(s.t, apply.Start())
		_, err = waits.Read(make([]byte, 1)) // it says that it waits
		require.NoError(s.t, err)
		run := s.trace(confirm(), f)
		kept := apply.Wait() == nil
		if !run.Killed && run.Status == statusDone {
			assert.True(s.t, kept, s.say(f))
		}
		if kept {
			run.Stdout += saysConfirmed
		}
		return run
	}, func(run fault.Run, left, before, after state) bool {
		if strings.Contains(run.Stdout, saysConfirmed) {
			return left.equal(after)
		}
		return left.equal(before)
	})
}

const saysConfirmed = "somebody was told that it is confirmed"

// confirmAgainAndAgain reports whether lvsmark confirm succeeded once before the
// context ended.
func (s *stage) confirmAgainAndAgain(ctx context.Context) bool {
	args := s.command(confirm())
	for ctx.Err() == nil {
		if exec.CommandContext(ctx, args[0], args[1:]...).Run() == nil {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

func (s *stage) trace(d operation, f fault.Fault) fault.Run {
	s.t.Helper()
	run, err := fault.Trace(s.command(d), fault.Options{Fault: f, Limit: limit})
	require.NoError(s.t, err, f)
	return run
}

// mostConfirmations bounds the cases when none is to be left out: each waits for
// the time of a confirmation.
const mostConfirmations = 600

// confirmation runs the cases of one kind, sampled, and side by side.
func confirmation(t *testing.T, name string, quick int, do func(*stage, fault.Fault) fault.Run, right func(run fault.Run, left, before, after state) bool) {
	t.Helper()
	t.Parallel()
	if testing.Short() {
		t.Skip("a kernel with IPVS adds nothing to this")
	}
	for i := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, newWorld(t), turns("marks", "other-marks")[1])
			s.name = name
			s.calls = do(s, fault.Fault{}).Calls
			s.back("an undisturbed run")
			defer s.report()
			some, _ := cases(s.calls)
			// Where a fault lasts, the guard cannot bring back anything either.
			some = slices.DeleteFunc(some, func(f fault.Fault) bool { return f.Lasts })
			for j, f := range sample(some, many(t, quick, mostConfirmations)) {
				if j%worlds != i {
					continue
				}
				run := do(s, f)
				s.meets(run)
				left := s.state()
				if !right(run, left, s.before, s.after) {
					t.Errorf("%s: exit status %d, not as before: %q, not as after: %q; %s", s.say(f), run.Status, left.differences(s.before), left.differences(s.after), run.Stderr)
				}
				s.count(left)
				s.converge(s.say(f))
			}
		})
	}
}

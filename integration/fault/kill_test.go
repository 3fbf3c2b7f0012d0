//go:build linux && amd64

package fault_test

import (
	"math/rand/v2"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/fault"
)

// TestKilled ends lvsmark by SIGKILL at random moments of an apply, in which the
// marks, the table, addresses and sysctls change.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("each call of TestBound is one to be killed at")
	}
	const kills = 200
	killAtRandom(t, turns("marks", "other-marks")[1], kills)
}

func killAtRandom(t *testing.T, turn turn, kills int) {
	t.Helper()
	t.Parallel()
	for i := range worlds {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, newWorld(t), turn)
			s.killAtRandom(kills / worlds)
		})
	}
}

// worlds in which the kills go on side by side.
const worlds = 4

func (s *stage) killAtRandom(kills int) {
	s.name += ", killed"
	defer s.report()
	for range kills {
		after := rand.N(s.span)
		args := s.command(s.operation)
		cmd := exec.Command(args[0], args[1:]...)
		require.NoError(s.t, cmd.Start())
		time.Sleep(after)
		_ = cmd.Process.Kill() // it may have ended
		run := fault.Run{Killed: cmd.Wait() != nil}
		s.close("killed after "+after.String(), run)
	}
}

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

// TestKilled kills lvsmark at random moments of an apply that changes marks, the
// table, addresses and sysctls.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("TestBound kills lvsmark at each call")
	}
	const kills = 200
	killAtRandom(t, scenarios("marks", "other-marks")[1], kills)
}

func killAtRandom(t *testing.T, sc scenario, kills int) {
	t.Helper()
	t.Parallel()
	for i := range parallelFixtures {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			s := newRunner(t, newFixture(t), sc)
			s.killAtRandom(kills / parallelFixtures)
		})
	}
}

// parallelFixtures is the number of fixtures in use at the same time.
const parallelFixtures = 4

func (s *runner) killAtRandom(kills int) {
	s.name += ", killed"
	defer s.report()
	for range kills {
		after := rand.N(s.duration)
		args := s.command(s.operation)
		cmd := exec.Command(args[0], args[1:]...)
		require.NoError(s.t, cmd.Start())
		time.Sleep(after)
		_ = cmd.Process.Kill() // the process may have ended
		run := fault.Run{Killed: cmd.Wait() != nil}
		s.check("killed after "+after.String(), run)
	}
}

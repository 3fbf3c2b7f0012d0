//go:build linux && amd64

package fault_test

import (
	"flag"
	"math"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/fault"
	"github.com/lvsmark/lvsmark/integration/need"
)

func TestMain(m *testing.M) {
	fault.Shim()
	flag.Parse()
	// A case waits for the kernel more than it computes.
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.NumCPU())); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// TestMarks spoils one call in each run of lvsmark. Whatever happens to the
// call, the kernel holds afterwards what it held before, or what it should, or
// the message names what is left; and the next run, undisturbed, comes to the
// end that this one should have come to.
func TestMarks(t *testing.T) {
	if testing.Short() {
		t.Skip("a kernel with IPVS adds nothing to this")
	}
	turns := turns("marks", "other-marks")
	turns = append(turns[:3:3], turns[4]) // without IPVS there is nothing to drain
	spoilAll(t, turns, 60, 1)
}

// TestBound is the same with IPVS services.
func TestBound(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ipvsadm")
	spoilAll(t, turns("bound", "other-bound"), 60, 1)
}

// long is how many cases of each turn the long form takes; false: this is not it.
func long(t *testing.T) (n int, ok bool) {
	t.Helper()
	switch text := os.Getenv("LVSMARK_FAULTS"); text {
	case "":
		return 0, false
	case "all":
		return math.MaxInt, true
	default:
		n, err := strconv.Atoi(text)
		require.NoError(t, err, "LVSMARK_FAULTS")
		return n, true
	}
}

// many are that many cases, or those of the long form, up to a limit.
func many(t *testing.T, short, limit int) int {
	t.Helper()
	if n, ok := long(t); ok {
		return min(n, limit)
	}
	return short
}

// spoilAll disturbs each turn in as many ways, spread over all that there are, and
// fewer with -test.short; and by all faults from which on nothing can be undone.
func spoilAll(t *testing.T, turns []turn, quick, slow int) {
	t.Helper()
	t.Parallel()
	n, ok := long(t)
	switch {
	case ok && testing.Short():
		quick, slow = min(n, 300), 1
	case ok:
		quick, slow = n, min(n, 20)
	case testing.Short():
		turns, quick, slow = turns[3:], 3, 0 // drain and delete
	}
	for _, turn := range turns {
		t.Run(turn.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, newWorld(t), turn)
			some, _ := cases(s.calls)
			s.spoilEach(append(sample(some, quick), lasting(s.calls)...))
		})
		if turn.name != turns[0].name {
			continue // much the same calls
		}
		t.Run(turn.name+", waiting", func(t *testing.T) {
			t.Parallel()
			if slow == 0 {
				t.Skip("takes as long as lvsmark waits for an answer")
			}
			s := newStage(t, newWorld(t), turn)
			_, waiting := cases(s.calls)
			s.spoilEach(sample(waiting, slow))
		})
	}
}

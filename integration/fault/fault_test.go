//go:build linux && amd64

package fault_test

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

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
	spoilAll(t, turns("marks", "other-marks"), 100, 1)
}

// TestBound is the same with IPVS services.
func TestBound(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ipvsadm")
	spoilAll(t, turns("bound", "other-bound"), 100, 1)
}

// spoilAll disturbs each turn in as many ways, spread over all that there are:
// every one if $LVSMARK_FAULTS is "all", fewer with -test.short.
func spoilAll(t *testing.T, turns []turn, quick, slow int) {
	t.Helper()
	t.Parallel()
	if os.Getenv("LVSMARK_FAULTS") == "all" {
		quick, slow = 1<<30, 20
	} else if testing.Short() {
		quick, slow = 8, 0
	}
	for _, turn := range turns {
		t.Run(turn.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, newWorld(t), turn)
			defer s.report()
			some, waiting := cases(s.calls)
			for _, f := range sample(some, quick) {
				s.spoil(f)
			}
			for _, f := range sample(waiting, slow) {
				s.spoil(f)
			}
		})
	}
}

//go:build linux && amd64

package fault_test

import (
	"flag"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/fault"
	"github.com/lvsmark/lvsmark/integration/need"
)

func TestMain(m *testing.M) {
	fault.Shim()
	flag.Parse()
	// A case mostly waits for the kernel.
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.NumCPU())); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// TestMarks injects one fault into each run of lvsmark. Afterwards the kernel has the
// previous state or the desired state, or the error message names every difference.
// The next run without a fault reaches the desired state.
func TestMarks(t *testing.T) {
	if testing.Short() {
		t.Skip("does not depend on IPVS")
	}
	list := scenarios("marks", "other-marks")
	list = append(list[:3:3], list[4]) // no drain without IPVS
	injectAll(t, list, 60, 1)
}

// TestAbsent injects ENOENT into each netlink call and each answer of a delete. It does not mean
// that an object is absent: the delete deletes it, or fails.
func TestAbsent(t *testing.T) {
	if testing.Short() {
		t.Skip("does not depend on IPVS")
	}
	t.Parallel()
	s := newRunner(t, newFixture(t), scenarios("marks", "other-marks")[4])
	quick, _ := cases(s.calls)
	s.injectEach(slices.DeleteFunc(quick, func(f fault.Fault) bool {
		return f.Errno != unix.ENOENT || !strings.Contains(f.At.Call.String(), "netlink")
	}))
}

// TestHandMade is TestMarks for tables to which objects were added by hand.
func TestHandMade(t *testing.T) {
	if testing.Short() {
		t.Skip("does not depend on IPVS")
	}
	injectAll(t, []scenario{handMadeScenario()}, 20, 0)
}

// TestBound is TestMarks with IPVS services.
func TestBound(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ipvsadm")
	injectAll(t, scenarios("bound", "other-bound"), 60, 1)
}

// TestDrainServer is TestMarks for the record of a drained real server: after a failed drain or
// --undo the weight and the record are both there or both gone.
func TestDrainServer(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ipvsadm")
	injectAll(t, drainScenarios(), 60, 1)
}

// longForm returns the number of cases of each scenario in the long form; ok is false
// in the short form.
func longForm(t *testing.T) (n int, ok bool) {
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

// caseCount returns short, or in the long form its number of cases up to a limit.
func caseCount(t *testing.T, short, limit int) int {
	t.Helper()
	if n, ok := longForm(t); ok {
		return min(n, limit)
	}
	return short
}

// injectAll runs each scenario with a sample of quick and slow faults, smaller with
// -test.short, and with all persistent faults.
func injectAll(t *testing.T, list []scenario, quick, slow int) {
	t.Helper()
	t.Parallel()
	n, ok := longForm(t)
	switch {
	case ok && testing.Short():
		quick, slow = min(n, 300), 1
	case ok:
		quick, slow = n, min(n, 20)
	case testing.Short():
		list, quick, slow = list[max(0, len(list)-2):], 3, 0 // of scenarios: drain and delete
	}
	for _, sc := range list {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			s := newRunner(t, newFixture(t), sc)
			some, _ := cases(s.calls)
			s.injectEach(append(sample(some, quick), persistent(s.calls)...))
		})
		if sc.name != list[0].name {
			continue // the other scenarios have similar calls
		}
		t.Run(sc.name+", waiting", func(t *testing.T) {
			t.Parallel()
			if slow == 0 {
				t.Skip("takes the whole timeout for a reply")
			}
			s := newRunner(t, newFixture(t), sc)
			_, waiting := cases(s.calls)
			s.injectEach(sample(waiting, slow))
		})
	}
}

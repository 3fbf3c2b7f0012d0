//go:build linux && amd64

package fault_test

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/integration/fault"
)

// An outcome is the class of the state after a run with a fault.
type outcome string

const (
	outcomeNew      outcome = "new"        // as after a run without fault
	outcomeOld      outcome = "old"        // the previous state
	outcomeReported outcome = "reported"   // in between, and the message names all differences
	outcomeBetween  outcome = "in between" // killed without a message
)

// classify compares the state after a run with the states before and after a run
// without fault. It returns an error for an unexpected outcome.
func classify(run fault.Run, left, before, after state) (outcome, error) {
	isOldState, isNewState := left.equal(before), left.equal(after)
	switch {
	case run.TimedOut:
		return "", fmt.Errorf("the run did not end")
	case run.Killed && isOldState:
		return outcomeOld, nil
	case run.Killed && isNewState:
		return outcomeNew, nil
	case run.Killed:
		return outcomeBetween, nil
	case run.Status == statusDone && isNewState:
		return outcomeNew, nil
	case run.Status == statusDone:
		return "", fmt.Errorf("exit status 0, but these differ from the desired state: %q", left.differences(after))
	case run.Status != statusError || run.Stderr == "":
		return "", fmt.Errorf("exit status %d with %q on standard error", run.Status, run.Stderr)
	case isOldState && strings.Contains(run.Stderr, "NOT all could be undone: ") && !run.Fault.Persistent:
		return "", fmt.Errorf("all changes are undone, but the message is: %s", run.Stderr)
	case isOldState:
		return outcomeOld, nil
	case isNewState && strings.Contains(run.Stderr, "applied, but"):
		return outcomeNew, nil
	case isNewState && strings.Contains(run.Stderr, "the weight stays 0"):
		return outcomeNew, nil // lvsmark drain, which did not wait
	case strings.Contains(run.Stderr, "removed real servers keep weight 0"):
		return outcomeReported, nil // an incomplete drain
	case !strings.Contains(run.Stderr, "NOT all could be undone: "):
		return "", fmt.Errorf("these differ from the previous state: %q, but the message is: %s", left.differences(before), run.Stderr)
	}
	_, said, _ := strings.Cut(run.Stderr, "NOT all could be undone: ")
	for _, name := range left.differences(before) {
		if !strings.Contains(said, name) {
			return "", fmt.Errorf("%q differs from the previous state, and the message does not name it: %s", name, run.Stderr)
		}
	}
	return outcomeReported, nil
}

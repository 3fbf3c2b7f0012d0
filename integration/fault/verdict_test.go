//go:build linux && amd64

package fault_test

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/integration/fault"
)

// A verdict is what a disturbed run left behind.
type verdict string

const (
	isNew     verdict = "new"        // as after an undisturbed run
	isOld     verdict = "old"        // as before
	isNamed   verdict = "named"      // in between, and the message names all that is left
	isBetween verdict = "in between" // killed: nobody could say anything
)

// assess holds what a run left against the states before and after an
// undisturbed one. An error is a run that surprises.
func assess(run fault.Run, left, before, after state) (verdict, error) {
	isOldState, isNewState := left.equal(before), left.equal(after)
	switch {
	case run.TimedOut:
		return "", fmt.Errorf("it did not end")
	case run.Killed && isOldState:
		return isOld, nil
	case run.Killed && isNewState:
		return isNew, nil
	case run.Killed:
		return isBetween, nil
	case run.Status == statusDone && isNewState:
		return isNew, nil
	case run.Status == statusDone:
		return "", fmt.Errorf("exit status 0, but these are not as they should be: %q", left.differences(after))
	case run.Status != statusError || run.Stderr == "":
		return "", fmt.Errorf("exit status %d with %q on standard error", run.Status, run.Stderr)
	case isOldState && strings.Contains(run.Stderr, "NOT all could be undone: ") && !run.Fault.Lasts:
		return "", fmt.Errorf("all was undone, but it says: %s", run.Stderr)
	case isOldState:
		return isOld, nil
	case isNewState && strings.Contains(run.Stderr, "applied, but"):
		return isNew, nil
	case strings.Contains(run.Stderr, "removed real servers keep weight 0"):
		return isNamed, nil // a drain that ended half way
	case !strings.Contains(run.Stderr, "NOT all could be undone: "):
		return "", fmt.Errorf("these are not as before: %q, but it says: %s", left.differences(before), run.Stderr)
	}
	_, said, _ := strings.Cut(run.Stderr, "NOT all could be undone: ")
	for _, name := range left.differences(before) {
		if !strings.Contains(said, name) {
			return "", fmt.Errorf("%q is not as before, and not named: %s", name, run.Stderr)
		}
	}
	return isNamed, nil
}

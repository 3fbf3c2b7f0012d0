//go:build linux && amd64

package fault_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/fault"
)

// TestUnreadableRoutes: a question about routes that fails is an error of diff or one of its
// warnings, never nothing.
func TestUnreadableRoutes(t *testing.T) {
	if testing.Short() {
		t.Skip("does not depend on IPVS")
	}
	t.Parallel()
	w := newFixture(t)
	trace := func(f fault.Fault) fault.Run {
		run, err := fault.Trace(w.command(diff("marks")), fault.Options{Fault: f, Limit: limit})
		require.NoError(t, err)
		return run
	}
	reference := trace(fault.Fault{})
	assert.NotContains(t, reference.Stderr, unix.ENOBUFS.Error())
	asked := 0
	for _, at := range reference.Calls {
		if !strings.HasPrefix(at.String(), "sendto rtnetlink type 26,") { // RTM_GETROUTE
			continue
		}
		asked++
		run := trace(fault.Fault{At: at, Mode: fault.Before, Errno: unix.ENOBUFS})
		if run.Hit {
			assert.Contains(t, run.Stderr, unix.ENOBUFS.Error(), "%s: exit status %d", at, run.Status)
		}
	}
	assert.NotZero(t, asked)
}

//go:build linux && amd64

package fault_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/fault"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestSync injects faults into the calls that start and stop sync daemons, and into their
// answers. If apply fails, the daemons are those of before; if the kernel accepts no daemon any
// more, the message names those that do not run.
func TestSync(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ipvsadm")
	t.Parallel()
	for _, sc := range []scenario{
		{name: "sync started", from: "no-sync", to: "synced", operation: apply("synced")},
		{name: "sync changed", from: "synced", to: "other-sync", operation: apply("other-sync")},
		{name: "sync stopped", from: "other-sync", to: "no-sync", operation: apply("no-sync")},
	} {
		t.Run(sc.name, func(t *testing.T) {
			s := newRunner(t, newFixture(t), sc)
			calls := syncCalls(s.calls)
			require.NotEmpty(t, calls)
			var list []fault.Fault
			for _, at := range calls {
				quick, _ := cases([]fault.Occurrence{at})
				list = append(list, quick...)
			}
			if _, long := longForm(t); testing.Short() && !long {
				list = sample(slices.DeleteFunc(list, func(f fault.Fault) bool { return !isTypical(f) }), 6)
			}
			s.injectEach(list)
			assert.Positive(t, s.counts.outcomes[outcomeOld], "no fault made apply restore the previous daemons")
		})
	}
}

// Commands of ip_vs.h, IPVS_CMD_NEW_DAEMON and IPVS_CMD_DEL_DAEMON.
const (
	newDaemon = " command 9"
	delDaemon = " command 10"
)

// syncCalls returns the calls that start and stop daemons, and those that receive the answers.
func syncCalls(calls []fault.Occurrence) []fault.Occurrence {
	var list []fault.Occurrence
	request := false
	for _, at := range calls {
		isAnswer := request && at.Receives() && strings.HasSuffix(at.On, "genetlink")
		isRequest := at.Sends() && (strings.HasSuffix(at.On, newDaemon) || strings.HasSuffix(at.On, delDaemon))
		if isRequest || isAnswer {
			list = append(list, at)
		}
		request = isRequest || request && !isAnswer
	}
	return list
}

// isTypical reports whether the short form has the fault: of the errnos only ENOMEM, and no
// delay.
func isTypical(f fault.Fault) bool {
	return f.Mode != fault.Delayed && (f.Errno == 0 || f.Errno == unix.ENOMEM || f.Persistent)
}

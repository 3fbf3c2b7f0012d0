package need

import (
	"os"
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"
)

// Hangup has the programs that the test starts end on SIGHUP, also if the test itself runs under
// nohup(1): a signal that a process ignores is ignored by the programs it starts, one that it
// catches is not.
func Hangup(t *testing.T) {
	if !signal.Ignored(unix.SIGHUP) {
		return
	}
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGHUP)
	t.Cleanup(func() { signal.Ignore(unix.SIGHUP) })
}

package ipvs_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/ipvs"
)

// inScratch runs f in a network namespace of its own, on a thread that ends
// with it.
func inScratch(t *testing.T, f func()) {
	t.Helper()
	need.Root(t)
	onThread(func() {
		require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
		f()
	})
}

// onThread runs f on a thread that ends with it: the goroutine is never
// unlocked.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done) // also when a failed requirement ends the goroutine
		runtime.LockOSThread()
		f()
	}()
	<-done
}

// dropPrivileges makes the calling thread, and no other, one of user nobody.
func dropPrivileges(t *testing.T) {
	t.Helper()
	const nobody = 65534
	_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody)
	require.Zero(t, errno)
}

func open(t *testing.T) *ipvs.Conn {
	t.Helper()
	conn, err := ipvs.Open()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

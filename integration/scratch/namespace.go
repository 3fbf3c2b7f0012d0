// Package scratch runs parts of tests in new network namespaces. It needs root.
package scratch

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
)

// Do runs f in a new network namespace, on a thread that ends when f returns.
func Do(t testing.TB, f func()) {
	t.Helper()
	need.Root(t)
	OnThread(func() {
		require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
		f()
	})
}

// OnThread runs f on a thread that ends when f returns, because it stays locked.
func OnThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done) // also if a failed requirement ends the goroutine
		runtime.LockOSThread()
		f()
	}()
	<-done
}

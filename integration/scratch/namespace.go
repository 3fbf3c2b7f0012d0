// Package scratch runs parts of tests in network namespaces of their own. It needs
// root.
package scratch

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
)

// Do runs f in a network namespace of its own, on a thread that ends with it.
func Do(t testing.TB, f func()) {
	t.Helper()
	need.Root(t)
	OnThread(func() {
		require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
		f()
	})
}

// OnThread runs f on a thread that ends with it: the goroutine is never
// unlocked.
func OnThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done) // also when a failed requirement ends the goroutine
		runtime.LockOSThread()
		f()
	}()
	<-done
}

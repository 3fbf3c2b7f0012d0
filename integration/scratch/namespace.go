// Package scratch runs parts of tests in new network namespaces. It needs root.
package scratch

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/thread"
)

// Do runs f in a new network namespace, on a thread that ends when f returns.
func Do(t testing.TB, f func()) {
	t.Helper()
	need.Root(t)
	thread.Run(func() {
		require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
		f()
	})
}

package lvsmark_test

import (
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark"
)

// TestInNamespaceThread: the first thread of the process would stay in the namespace for ever,
// and ip-netns(8) would list the process there.
func TestInNamespaceThread(t *testing.T) {
	var all sync.WaitGroup
	for range 20 * runtime.GOMAXPROCS(0) {
		all.Go(func() {
			assert.NoError(t, lvsmark.InNamespace("", func() error {
				assert.NotEqual(t, syscall.Getpid(), syscall.Gettid())
				return nil
			}))
		})
	}
	all.Wait()
}

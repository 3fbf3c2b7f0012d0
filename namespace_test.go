package lvsmark_test

import (
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark"
)

// TestInNamespaceThread: the first thread of the process would stay in the namespace for ever,
// and ip-netns(8) would list the process there.
func TestInNamespaceThread(t *testing.T) {
	const n = 60 // at a time, so that the first thread is wanted too
	var running, all sync.WaitGroup
	running.Add(n)
	for range n {
		all.Go(func() {
			assert.NoError(t, lvsmark.InNamespace("", func() error {
				assert.NotEqual(t, syscall.Getpid(), syscall.Gettid())
				running.Done()
				running.Wait()
				return nil
			}))
		})
	}
	all.Wait()
}

// TestInNamespaceOfDirectory: the operation does not run if the path is not a file.
func TestInNamespaceOfDirectory(t *testing.T) {
	directory := t.TempDir()
	err := lvsmark.InNamespace(directory, func() error { t.Error("the operation runs"); return nil })
	assert.ErrorContains(t, err, directory+" is not the file of a network namespace")
}

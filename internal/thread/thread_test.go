package thread_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/thread"
)

// TestRun holds many threads at a time, so that the first one is wanted too.
func TestRun(t *testing.T) {
	const n = 60
	var threads sync.Map
	var running, all sync.WaitGroup
	running.Add(n)
	for range n {
		all.Go(func() {
			thread.Run(func() {
				id := syscall.Gettid()
				_, twice := threads.LoadOrStore(id, true)
				assert.False(t, twice, "a thread is used twice")
				assert.NotEqual(t, syscall.Getpid(), id)
				running.Done()
				running.Wait()
			})
		})
	}
	all.Wait()
}

// TestRunEnds: the threads are gone soon after.
func TestRunEnds(t *testing.T) {
	var id int
	thread.Run(func() { id = syscall.Gettid() })
	assert.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join("/proc/self/task", strconv.Itoa(id)))
		return errors.Is(err, os.ErrNotExist)
	}, time.Minute, time.Millisecond)
}

func TestRunOfEndedGoroutine(t *testing.T) {
	thread.Run(runtime.Goexit)
}

func TestCall(t *testing.T) {
	failure := errors.New("failure")
	got, err := thread.Call(func() (int, error) { return 3, failure })
	assert.Equal(t, 3, got)
	assert.Equal(t, failure, err)
}

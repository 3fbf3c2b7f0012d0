// Package thread runs functions that change what belongs to an operating system thread, as
// its network namespace does: see setns(2) and unshare(2).
package thread

import (
	"runtime"
	"syscall"
)

// Run calls f on a thread of its own, and waits. The thread ends with f, so that no other
// goroutine gets what f has changed. It is never the first thread of the process: Go does not
// end that one, and /proc, ip-netns(8) included, shows it as the whole process. Run also
// returns if f ends its goroutine, see [runtime.Goexit].
func Run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if syscall.Gettid() != syscall.Getpid() {
			f() // the thread stays locked, so Go ends it
			return
		}
		Run(f)
		runtime.UnlockOSThread()
	}()
	<-done
}

// Call is [Run] with the result of f.
func Call[T any](f func() (T, error)) (result T, err error) {
	Run(func() { result, err = f() })
	return result, err
}

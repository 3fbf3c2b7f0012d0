//go:build linux && amd64

package fault_test

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/fault"
)

// errnos returns the errnos of failed calls. With those of slowErrnos, Go waits until
// a file is ready: up to the timeout, because the kernel did not set the errno.
func errnos() []unix.Errno {
	return []unix.Errno{unix.EPERM, unix.ENOMEM, unix.ENOBUFS, unix.ERESTART, unix.ENOENT, unix.EEXIST}
}

func slowErrnos() []unix.Errno { return []unix.Errno{unix.EINTR, unix.EAGAIN} }

// cases returns all faults for the calls. Slow ones make lvsmark wait for a timeout.
func cases(calls []fault.Occurrence) (quick, slow []fault.Fault) {
	for _, at := range calls {
		for _, f := range casesOf(at.Call) {
			f.At = at
			if isSlow(f) {
				slow = append(slow, f)
			} else {
				quick = append(quick, f)
			}
		}
	}
	return quick, slow
}

func casesOf(call fault.Call) []fault.Fault {
	var all []fault.Fault
	for _, mode := range []fault.Mode{fault.Before, fault.After, fault.Refused, fault.FalseError} {
		for _, errno := range append(errnos(), slowErrnos()...) {
			all = append(all, fault.Fault{Mode: mode, Errno: errno})
		}
	}
	for _, mode := range []fault.Mode{
		fault.Delayed, fault.Truncated, fault.Short, fault.Unfinished, fault.Interrupted, fault.KilledBefore, fault.KilledAfter,
	} {
		all = append(all, fault.Fault{Mode: mode})
	}
	for _, mode := range []fault.Mode{fault.Before, fault.After} { // the rollback fails too
		all = append(all, fault.Fault{Mode: mode, Errno: unix.ENOBUFS, Persistent: true})
	}
	var applicable []fault.Fault
	for _, f := range all {
		if f.Fits(call) {
			applicable = append(applicable, f)
		}
	}
	return applicable
}

// persistent returns faults after which every nftables transaction, or its reply,
// fails: lvsmark cannot roll back the steps before them.
func persistent(calls []fault.Occurrence) []fault.Fault {
	var all []fault.Fault
	transaction := false
	for _, at := range calls {
		isAnswer := transaction && at.Receives()
		transaction = at.Sends() && strings.HasSuffix(at.On, " transaction")
		if !transaction && !isAnswer {
			continue
		}
		for _, mode := range []fault.Mode{fault.Before, fault.After} {
			all = append(all, fault.Fault{At: at, Mode: mode, Errno: unix.ENOBUFS, Persistent: true})
		}
	}
	return all
}

func isSlow(f fault.Fault) bool {
	if f.Mode == fault.Unfinished {
		return true
	}
	reportsErrno := f.Mode == fault.Before || f.Mode == fault.After
	switch {
	case f.At.Sends(), f.At.Receives():
		return reportsErrno && (f.Errno == unix.EINTR || f.Errno == unix.EAGAIN)
	case f.At.Reads(), f.At.Name == "write":
		return reportsErrno && f.Errno == unix.EAGAIN
	}
	return false
}

// sample returns n evenly spread faults, or all.
func sample(all []fault.Fault, n int) []fault.Fault {
	var some []fault.Fault
	step := max(1, float64(len(all))/float64(max(1, n)))
	for at := step / 2; int(at) < len(all); at += step {
		some = append(some, all[int(at)])
	}
	return some
}

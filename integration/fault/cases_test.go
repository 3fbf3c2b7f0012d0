//go:build linux && amd64

package fault_test

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/fault"
)

// errnos that a call fails with. Those of slowErrnos have Go wait until a file is
// ready: to the limit for an answer, if the kernel did not really mean it.
func errnos() []unix.Errno {
	return []unix.Errno{unix.EPERM, unix.ENOMEM, unix.ENOBUFS, unix.ERESTART, unix.ENOENT, unix.EEXIST}
}

func slowErrnos() []unix.Errno { return []unix.Errno{unix.EINTR, unix.EAGAIN} }

// cases are all faults for the calls. Those that have lvsmark wait are apart.
func cases(calls []fault.Place) (quick, slow []fault.Fault) {
	for _, at := range calls {
		for _, f := range casesOf(at.Call) {
			f.At = at
			if waits(f) {
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
	for _, mode := range []fault.Mode{fault.Before, fault.After, fault.Refused, fault.Belied} {
		for _, errno := range append(errnos(), slowErrnos()...) {
			all = append(all, fault.Fault{Mode: mode, Errno: errno})
		}
	}
	for _, mode := range []fault.Mode{
		fault.Delayed, fault.Cut, fault.Short, fault.Unfinished, fault.Interrupted, fault.KilledBefore, fault.KilledAfter,
	} {
		all = append(all, fault.Fault{Mode: mode})
	}
	for _, mode := range []fault.Mode{fault.Before, fault.After} { // undoing fails too
		all = append(all, fault.Fault{Mode: mode, Errno: unix.ENOBUFS, Lasts: true})
	}
	var fitting []fault.Fault
	for _, f := range all {
		if f.Fits(call) {
			fitting = append(fitting, f)
		}
	}
	return fitting
}

// lasting are the faults from which on nftables does not do what it is told, or
// does and does not say so: the steps from there on cannot be undone.
func lasting(calls []fault.Place) []fault.Fault {
	var all []fault.Fault
	transaction := false
	for _, at := range calls {
		isAnswer := transaction && at.Receives()
		transaction = at.Sends() && strings.HasSuffix(at.On, " transaction")
		if !transaction && !isAnswer {
			continue
		}
		for _, mode := range []fault.Mode{fault.Before, fault.After} {
			all = append(all, fault.Fault{At: at, Mode: mode, Errno: unix.ENOBUFS, Lasts: true})
		}
	}
	return all
}

func waits(f fault.Fault) bool {
	if f.Mode == fault.Unfinished {
		return true
	}
	told := f.Mode == fault.Before || f.Mode == fault.After
	switch {
	case f.At.Sends(), f.At.Receives():
		return told && (f.Errno == unix.EINTR || f.Errno == unix.EAGAIN)
	case f.At.Reads(), f.At.Name == "write":
		return told && f.Errno == unix.EAGAIN
	}
	return false
}

// sample takes n, or all, evenly spread.
func sample(all []fault.Fault, n int) []fault.Fault {
	var some []fault.Fault
	step := max(1, float64(len(all))/float64(max(1, n)))
	for at := step / 2; int(at) < len(all); at += step {
		some = append(some, all[int(at)])
	}
	return some
}

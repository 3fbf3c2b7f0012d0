package fault

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A Mode is the effect of a fault on a call.
type Mode string

// The modes. With an errno:
const (
	Before     Mode = "fails before"       // the call is not made and returns the errno
	After      Mode = "fails after"        // the call is made, but returns the errno
	Refused    Mode = "is refused"         // the request is not executed, and the reply has the errno
	FalseError Mode = "gets a false error" // the request is executed, but the reply has the errno
)

// The modes without an errno:
const (
	Delayed      Mode = "is delayed"       // some milliseconds before and after
	Truncated    Mode = "is truncated"     // half of the message is lost, with MSG_TRUNC set
	Short        Mode = "is short"         // the last bytes are missing, without an indication
	Unfinished   Mode = "has no end"       // a dump without NLMSG_DONE
	Interrupted  Mode = "is interrupted"   // a dump that lacks an entry, with NLM_F_DUMP_INTR set
	KilledBefore Mode = "is killed before" // SIGKILL before the call
	KilledAfter  Mode = "is killed after"  // SIGKILL after the call
	HungUp       Mode = "is hung up"       // SIGHUP before and after the call
)

// A Fault is a fault in one call of a run. The zero Fault is no fault.
type Fault struct {
	At         Occurrence
	Mode       Mode
	Errno      unix.Errno // 0 in modes without an errno
	Persistent bool       // all later equal calls have the fault too
}

// String returns text like "the call recvmsg netfilter, number 17, fails before:
// ENOMEM".
func (f Fault) String() string {
	text := fmt.Sprintf("the call %s, %s", f.At, f.Mode)
	if f.Errno != 0 {
		text += ": " + unix.ErrnoName(f.Errno)
	}
	if f.Persistent {
		text += ", and all later ones"
	}
	return text
}

// Fits reports whether the fault is possible for the call. After a received datagram,
// EINTR and EAGAIN are not possible: the program would receive again, and no reader of
// a dump can detect the lost datagram.
func (f Fault) Fits(c Call) bool {
	switch f.Mode {
	case After:
		return !c.Receives() || f.Errno != unix.EINTR && f.Errno != unix.EAGAIN
	case Refused:
		return c.Sends()
	case FalseError, Truncated, Unfinished, Interrupted:
		return c.Receives()
	case Short:
		return c.Receives() || c.Reads()
	}
	return true
}

const delay = 5 * time.Millisecond

// matches reports whether the fault is for this occurrence of the call.
func (f Fault) matches(p Occurrence) bool {
	return p == f.At || f.Persistent && p.Call == f.At.Call && p.Number > f.At.Number
}

// onEntry injects the fault before the call. It reports whether the tracer must stop
// at the return of the call too.
func (f Fault) onEntry(s *stoppedCall) (onReturn bool, err error) {
	switch f.Mode {
	case Before:
		regs := s.regs
		regs.Orig_rax = ^uint64(0) // -1: the kernel skips the call
		regs.Rax = uint64(-int64(f.Errno))
		return false, unix.PtraceSetRegs(s.pid, &regs)
	case Refused:
		return true, s.replaceRequest()
	case Delayed:
		time.Sleep(delay)
	case HungUp:
		return true, unix.Kill(s.tgid, unix.SIGHUP)
	}
	return true, nil
}

// onReturn injects the fault into the result of the call.
func (f Fault) onReturn(s *stoppedCall) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(s.pid, &regs); err != nil {
		return err
	}
	n := int64(regs.Rax)
	switch {
	case f.Mode == Delayed:
		time.Sleep(delay)
		return nil
	case f.Mode == HungUp:
		return unix.Kill(s.tgid, unix.SIGHUP)
	case f.Mode == After:
		n = -int64(f.Errno)
	case n < 0: // the call failed without the fault
		return nil
	case f.Mode == Refused:
		n = int64(s.buffer().length)
	case f.Mode == Truncated:
		n /= 2
		if err := s.setTruncated(); err != nil {
			return err
		}
	case f.Mode == Short && s.Reads():
		n /= 2
	case f.Mode == Short:
		n = max(n-4, 0)
	case f.Mode == Unfinished:
		_, err := s.rewrite(n, withoutDone)
		return err
	case f.Mode == Interrupted:
		_, err := s.rewrite(n, interruptedDump)
		return err
	case f.Mode == FalseError:
		_, err := f.rejectRequest(s)
		return err
	}
	regs.Rax = uint64(n)
	return unix.PtraceSetRegs(s.pid, &regs)
}

// rejectRequest replaces the datagram that the call received by an error. It reports
// whether there was a datagram.
func (f Fault) rejectRequest(s *stoppedCall) (done bool, err error) {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(s.pid, &regs); err != nil {
		return false, err
	}
	return s.rewrite(int64(regs.Rax), func(datagram []byte) []byte { return errorReply(datagram, f.Errno) })
}

package fault

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A Mode is what happens to a call.
type Mode string

// The modes. With an errno:
const (
	Before  Mode = "fails before" // the call is not made and returns the errno
	After   Mode = "fails after"  // the call is made, but returns the errno
	Refused Mode = "is refused"   // the kernel does not do what it is asked, and its answer says the errno
	Belied  Mode = "is belied"    // the kernel does what it is asked, but its answer says the errno
)

// The modes without an errno:
const (
	Delayed      Mode = "is delayed"       // some milliseconds before, and after
	Cut          Mode = "is cut"           // the message did not fit the buffer, and half of it is lost
	Short        Mode = "is short"         // the last bytes are missing, and nothing says so
	Unfinished   Mode = "lacks its end"    // of a dump: what says that there is no more
	Interrupted  Mode = "is interrupted"   // a dump during which its objects changed: it lacks one, and says so
	KilledBefore Mode = "is killed before" // SIGKILL before the call is made
	KilledAfter  Mode = "is killed after"  // SIGKILL once the call is made
)

// A Fault is what happens to one call of a run. The zero Fault is none.
type Fault struct {
	At    Place
	Mode  Mode
	Errno unix.Errno // 0 in modes that have none
	Lasts bool       // all further calls that are the same get the same
}

// String is as in "the call recvmsg netfilter, number 17, fails before: ENOMEM".
func (f Fault) String() string {
	text := fmt.Sprintf("the call %s, %s", f.At, f.Mode)
	if f.Errno != 0 {
		text += ": " + unix.ErrnoName(f.Errno)
	}
	if f.Lasts {
		text += ", and all further ones"
	}
	return text
}

// Fits reports whether the fault can meet the call. A datagram that was taken out of
// a socket is never said not to have come: who is told so asks again, and no reader
// of a dump could tell that it lacks one.
func (f Fault) Fits(c Call) bool {
	switch f.Mode {
	case After:
		return !c.Receives() || f.Errno != unix.EINTR && f.Errno != unix.EAGAIN
	case Refused:
		return c.Sends()
	case Belied, Cut, Unfinished, Interrupted:
		return c.Receives()
	case Short:
		return c.Receives() || c.Reads()
	}
	return true
}

const delay = 5 * time.Millisecond

// chooses reports whether the fault is for the call at that place.
func (f Fault) chooses(p Place) bool {
	return p == f.At || f.Lasts && p.Call == f.At.Call && p.Number > f.At.Number
}

// onEntry spoils a call that is about to be made. It reports whether the return
// of the call is to be looked at.
func (f Fault) onEntry(s *stopped) (onReturn bool, err error) {
	switch f.Mode {
	case Before:
		regs := s.regs
		regs.Orig_rax = ^uint64(0) // none: the kernel skips it
		regs.Rax = uint64(-int64(f.Errno))
		return false, unix.PtraceSetRegs(s.pid, &regs)
	case Refused:
		return true, s.swallow()
	case Delayed:
		time.Sleep(delay)
	}
	return true, nil
}

// onReturn spoils what a call that was made returns.
func (f Fault) onReturn(s *stopped) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(s.pid, &regs); err != nil {
		return err
	}
	n := int64(regs.Rax)
	switch {
	case f.Mode == Delayed:
		time.Sleep(delay)
		return nil
	case f.Mode == After:
		n = -int64(f.Errno)
	case n < 0: // it failed by itself
		return nil
	case f.Mode == Refused:
		n = int64(s.buffer().length)
	case f.Mode == Cut:
		n /= 2
		if err := s.truncated(); err != nil {
			return err
		}
	case f.Mode == Short && s.Reads():
		n /= 2
	case f.Mode == Short:
		n = max(n-4, 0)
	case f.Mode == Unfinished:
		_, err := s.rewrite(n, unfinished)
		return err
	case f.Mode == Interrupted:
		_, err := s.rewrite(n, interrupted)
		return err
	case f.Mode == Belied:
		_, err := f.refuse(s)
		return err
	}
	regs.Rax = uint64(n)
	return unix.PtraceSetRegs(s.pid, &regs)
}

// refuse makes the datagram that the call received a refusal. It reports whether
// there was one.
func (f Fault) refuse(s *stopped) (done bool, err error) {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(s.pid, &regs); err != nil {
		return false, err
	}
	return s.rewrite(int64(regs.Rax), func(datagram []byte) []byte { return refusal(datagram, f.Errno) })
}

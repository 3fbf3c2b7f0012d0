package fault

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// A Call is a system call on a boundary file, see the package.
type Call struct {
	Name string // as in section 2 of the manual
	On   string // the file, or the netlink protocol and the type of message
}

// String returns text like "sendmsg netfilter GETSET".
func (c Call) String() string { return strings.TrimSpace(c.Name + " " + c.On) }

// An Occurrence identifies a call of a run by its number among equal calls. A number
// among all calls would differ between runs, because threads run in any order.
type Occurrence struct {
	Call
	Number int // from 1
}

// String returns text like "sendmsg netfilter GETSET, number 3".
func (p Occurrence) String() string { return fmt.Sprintf("%s, number %d", p.Call, p.Number) }

// Sends reports whether the call sends a message to the kernel.
func (c Call) Sends() bool { return c.Name == "sendmsg" || c.Name == "sendto" }

// Receives reports whether the call receives a message from the kernel.
func (c Call) Receives() bool { return c.Name == "recvmsg" || c.Name == "recvfrom" }

// Reads reports whether the call reads a file.
func (c Call) Reads() bool { return c.Name == "read" || c.Name == "pread64" }

// callNames returns the calls at which the tracer stops, by number. Calls with a file
// descriptor count only on a boundary file.
func callNames() map[uint64]string {
	return map[uint64]string{
		unix.SYS_SOCKET: "socket", unix.SYS_BIND: "bind", unix.SYS_GETSOCKNAME: "getsockname",
		unix.SYS_SETSOCKOPT: "setsockopt", unix.SYS_GETSOCKOPT: "getsockopt",
		unix.SYS_SENDTO: "sendto", unix.SYS_SENDMSG: "sendmsg",
		unix.SYS_RECVFROM: "recvfrom", unix.SYS_RECVMSG: "recvmsg",
		unix.SYS_OPENAT: "openat", unix.SYS_READ: "read", unix.SYS_PREAD64: "pread64", unix.SYS_WRITE: "write",
		unix.SYS_CLOSE:   "close",
		unix.SYS_UNSHARE: "unshare", unix.SYS_SETNS: "setns", unix.SYS_MEMBARRIER: "membarrier",
	}
}

// A stoppedCall is a call at which a thread stopped, before the kernel runs it.
type stoppedCall struct {
	Call
	process
	tgid   int // process ID of the thread
	regs   unix.PtraceRegs
	opens  string // name of the file that the call opens, if it is a boundary file
	faulty bool   // the fault is for this call
}

// repliesTo reports whether the call receives from the socket of the request.
func (s *stoppedCall) repliesTo(request *stoppedCall) bool {
	return request != nil && s.Receives() && s.tgid == request.tgid && s.regs.Rdi == request.regs.Rdi
}

// identify sets Call. It leaves the name empty for a call that does not count.
func (s *stoppedCall) identify(files map[int]string) {
	name := callNames()[s.regs.Orig_rax]
	fd := int(int32(s.regs.Rdi))
	switch name {
	case "socket":
		if s.regs.Rdi == unix.AF_NETLINK {
			s.opens = protocolName(int(s.regs.Rdx))
			s.Call = Call{name, s.opens}
		}
	case "openat":
		if path := s.text(s.regs.Rsi); isBoundaryFile(path) {
			s.opens = path
			s.Call = Call{name, path}
		}
	case "unshare", "membarrier":
		s.Call = Call{name, ""}
	case "close":
		delete(files, fd)
	default:
		on, ok := files[fd]
		if !ok {
			return
		}
		s.Call = Call{name, on}
		if s.Sends() {
			s.On += " " + messageName(on, s.request())
		}
	}
}

// isBoundaryFile reports whether lvsmark reads or changes kernel state through the
// file.
func isBoundaryFile(path string) bool {
	return strings.HasPrefix(path, "/proc/sys/net/") || strings.HasPrefix(path, "/run/netns/") || strings.HasPrefix(path, "/var/run/netns/")
}

const genetlink, netfilter = "genetlink", "netfilter"

func protocolName(protocol int) string {
	switch protocol {
	case unix.NETLINK_ROUTE:
		return "rtnetlink"
	case unix.NETLINK_NETFILTER:
		return netfilter
	case unix.NETLINK_GENERIC:
		return genetlink
	}
	return fmt.Sprintf("netlink %d", protocol)
}

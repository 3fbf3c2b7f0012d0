package fault

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// A Call is a system call at the boundary.
type Call struct {
	Name string // as in the manual, section 2
	On   string // the file, or the netlink protocol and what the message is
}

// String is as in "sendmsg netfilter GETSET".
func (c Call) String() string { return strings.TrimSpace(c.Name + " " + c.On) }

// A Place is a call of a run, told by its number among its like: threads make their
// calls in another order in each run.
type Place struct {
	Call
	Number int // from 1
}

// String is as in "sendmsg netfilter GETSET, number 3".
func (p Place) String() string { return fmt.Sprintf("%s, number %d", p.Call, p.Number) }

// Sends reports whether the call hands a message to the kernel.
func (c Call) Sends() bool { return c.Name == "sendmsg" || c.Name == "sendto" }

// Receives reports whether the call takes a message from the kernel.
func (c Call) Receives() bool { return c.Name == "recvmsg" || c.Name == "recvfrom" }

// Reads reports whether the call reads a file.
func (c Call) Reads() bool { return c.Name == "read" || c.Name == "pread64" }

// callNames are the calls that the tracer stops at, by number. Of those with a
// file descriptor only the ones on a boundary file count.
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

// A stopped call, before it is made.
type stopped struct {
	Call
	process
	of     int // process of the thread
	regs   unix.PtraceRegs
	on     string // what the file descriptor that the call makes will stand for
	chosen bool   // the fault is for this call
}

// answers reports whether the call receives from the socket over which the
// request went.
func (s *stopped) answers(request *stopped) bool {
	return request != nil && s.Receives() && s.of == request.of && s.regs.Rdi == request.regs.Rdi
}

// look says what the call is; a call that does not count has no name.
func (s *stopped) look(files map[int]string) {
	name := callNames()[s.regs.Orig_rax]
	fd := int(int32(s.regs.Rdi))
	switch name {
	case "socket":
		if s.regs.Rdi == unix.AF_NETLINK {
			s.on = protocolName(int(s.regs.Rdx))
			s.Call = Call{name, s.on}
		}
	case "openat":
		if path := s.text(s.regs.Rsi); ofKernel(path) {
			s.on = path
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

// ofKernel reports whether the file is one in which lvsmark reads or changes
// the state of the kernel.
func ofKernel(path string) bool {
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

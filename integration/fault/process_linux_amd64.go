package fault

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// A process is a stopped process whose memory can be read and written.
type process struct{ pid int }

func (p process) read(address uint64, n int) []byte {
	b := make([]byte, n)
	if n == 0 {
		return b
	}
	got, err := unix.ProcessVMReadv(p.pid, []unix.Iovec{iovec(b)}, []unix.RemoteIovec{{Base: uintptr(address), Len: n}}, 0)
	if err != nil {
		return nil
	}
	return b[:got]
}

func (p process) write(address uint64, b []byte) error {
	if len(b) == 0 {
		return nil // a datagram with only NLMSG_DONE becomes empty
	}
	n, err := unix.ProcessVMWritev(p.pid, []unix.Iovec{iovec(b)}, []unix.RemoteIovec{{Base: uintptr(address), Len: len(b)}}, 0)
	if err == nil && n < len(b) {
		err = fmt.Errorf("%d of %d bytes written", n, len(b))
	}
	return err
}

func iovec(b []byte) unix.Iovec {
	v := unix.Iovec{Base: &b[0]}
	v.SetLen(len(b))
	return v
}

// text reads a zero-terminated string. It reads to the end of the page first, because
// the next page may not be mapped.
func (p process) text(address uint64) string {
	const page = 4096
	b := p.read(address, page-int(address%page))
	if text, _, ok := bytes.Cut(b, []byte{0}); ok {
		return string(text)
	}
	return string(b) + string(bytes.TrimRight(p.read(address+uint64(len(b)), 256), "\x00"))
}

// A buffer is the memory that a call sends, reads or fills.
type buffer struct{ address, length uint64 }

// The layout of struct msghdr and struct iovec.
const msghdrIov, msghdrFlags, iovLen = 16, 48, 8

// buffer returns the buffer of the call: the first one of struct msghdr, since lvsmark
// uses only one.
func (s *stoppedCall) buffer() buffer {
	if s.Name != "sendmsg" && s.Name != "recvmsg" {
		return buffer{s.regs.Rsi, s.regs.Rdx}
	}
	v := s.read(s.vector(), 2*iovLen)
	if len(v) < 2*iovLen {
		return buffer{}
	}
	return buffer{binary.NativeEndian.Uint64(v), binary.NativeEndian.Uint64(v[iovLen:])}
}

// vector returns the address of the first struct iovec.
func (s *stoppedCall) vector() uint64 {
	b := s.read(s.regs.Rsi+msghdrIov, 8)
	if len(b) < 8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b)
}

// request returns the start of the first message that the call sends.
func (s *stoppedCall) request() []byte {
	b := s.buffer()
	return s.read(b.address, int(min(b.length, messageHeader+4)))
}

// replaceRequest replaces the request by an NLMSG_NOOP with an acknowledgement. Later
// messages of the same buffer are still executed; for netfilter it removes them,
// because a transaction needs its begin message.
func (s *stoppedCall) replaceRequest() error {
	message := s.request()
	if len(message) < messageHeader {
		return fmt.Errorf("%s: no message to replace", s.Call)
	}
	message = message[:messageHeader]
	binary.NativeEndian.PutUint16(message[4:], unix.NLMSG_NOOP)
	binary.NativeEndian.PutUint16(message[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	if !strings.HasPrefix(s.On, netfilter) {
		return s.write(s.buffer().address, message)
	}
	binary.NativeEndian.PutUint32(message, messageHeader)
	if err := s.write(s.buffer().address, message); err != nil {
		return err
	}
	if s.Name == "sendmsg" {
		return s.write(s.vector()+iovLen, binary.NativeEndian.AppendUint64(nil, messageHeader))
	}
	regs := s.regs
	regs.Rdx = messageHeader
	return unix.PtraceSetRegs(s.pid, &regs)
}

// setTruncated sets MSG_TRUNC in the struct msghdr that the call filled in.
func (s *stoppedCall) setTruncated() error {
	if s.Name != "recvmsg" {
		return nil
	}
	return s.write(s.regs.Rsi+msghdrFlags, binary.NativeEndian.AppendUint32(nil, unix.MSG_TRUNC))
}

// rewrite changes the datagram of n bytes that the call received. It leaves a datagram
// that does not fit the buffer, as after MSG_PEEK.
func (s *stoppedCall) rewrite(n int64, change func([]byte) []byte) (done bool, err error) {
	b := s.buffer()
	if n < messageHeader || uint64(n) > b.length {
		return false, nil
	}
	received := s.read(b.address, int(n))
	if len(received) < int(n) {
		return false, unix.ESRCH // another thread ends the process
	}
	datagram := change(received)
	if uint64(len(datagram)) > b.length {
		return false, fmt.Errorf("%s: no room for a datagram of %d bytes", s.Call, len(datagram))
	}
	if err := s.write(b.address, datagram); err != nil {
		return false, err
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(s.pid, &regs); err != nil {
		return false, err
	}
	regs.Rax = uint64(len(datagram))
	return true, unix.PtraceSetRegs(s.pid, &regs)
}

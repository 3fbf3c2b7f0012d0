package fault

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// A process whose memory is read and written; it is stopped.
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
		return nil // nothing is left of a datagram that held no more than the end of a dump
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

// text reads a string that a zero byte ends, which may be at the end of a page.
func (p process) text(address uint64) string {
	const page = 4096
	b := p.read(address, page-int(address%page))
	if text, _, ok := bytes.Cut(b, []byte{0}); ok {
		return string(text)
	}
	return string(b) + string(bytes.TrimRight(p.read(address+uint64(len(b)), 256), "\x00"))
}

// A buffer of a call.
type buffer struct{ address, length uint64 }

// The layout of struct msghdr and struct iovec.
const msghdrIov, msghdrFlags, iovLen = 16, 48, 8

// buffer is the memory that the call sends, reads or fills: the first of
// struct msghdr's, for lvsmark has no more.
func (s *stopped) buffer() buffer {
	if s.Name != "sendmsg" && s.Name != "recvmsg" {
		return buffer{s.regs.Rsi, s.regs.Rdx}
	}
	v := s.read(s.vector(), 2*iovLen)
	if len(v) < 2*iovLen {
		return buffer{}
	}
	return buffer{binary.NativeEndian.Uint64(v), binary.NativeEndian.Uint64(v[iovLen:])}
}

// vector is the address of the first struct iovec.
func (s *stopped) vector() uint64 {
	b := s.read(s.regs.Rsi+msghdrIov, 8)
	if len(b) < 8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b)
}

// request is the first message that the call sends.
func (s *stopped) request() []byte {
	b := s.buffer()
	return s.read(b.address, int(min(b.length, messageHeader+4)))
}

// swallow makes the call send, instead of its request, one that asks for
// nothing but an answer. What stands behind it in the same piece is carried out; a
// transaction of nf_tables is nothing without its begin.
func (s *stopped) swallow() error {
	message := s.request()
	if len(message) < messageHeader {
		return fmt.Errorf("%s: no message to swallow", s.Call)
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

// truncated sets MSG_TRUNC in the struct msghdr that the call filled in.
func (s *stopped) truncated() error {
	if s.Name != "recvmsg" {
		return nil
	}
	return s.write(s.regs.Rsi+msghdrFlags, binary.NativeEndian.AppendUint32(nil, unix.MSG_TRUNC))
}

// rewrite changes the datagram of n bytes that the call received. One that was
// only peeked at stays.
func (s *stopped) rewrite(n int64, change func([]byte) []byte) (done bool, err error) {
	b := s.buffer()
	if n < messageHeader || uint64(n) > b.length {
		return false, nil
	}
	received := s.read(b.address, int(n))
	if len(received) < int(n) {
		return false, unix.ESRCH // it ends, by another of its threads
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

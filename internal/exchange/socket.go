// Package exchange carries messages over a netlink socket on the thread of the
// caller.
//
// The netlink library begins a goroutine for each call, to watch over a context.
// Where the caller is bound to its thread, as in a network namespace, that switches
// threads twice, which takes longer than what the kernel does.
package exchange

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrMalformed says that a message from the kernel cannot be read.
var ErrMalformed = errors.New("the kernel sent a message that is malformed")

// ErrOther says that what was received answers another request.
var ErrOther = errors.New("the kernel's answer is not to what it was asked")

// A Socket is a netlink socket that does not block, with a deadline of its own.
type Socket interface {
	SyscallConn() (syscall.RawConn, error)
}

// Send sends messages to the kernel, in one piece.
func Send(s Socket, messages []byte) error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		sent = again(func() error { return unix.Sendto(int(fd), messages, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) })
		return !errors.Is(sent, unix.EAGAIN)
	})
	return errors.Join(err, sent)
}

// Receive fills the buffer with the next datagram, and returns its length.
func Receive(s Socket, buffer []byte) (n int, err error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return 0, err
	}
	var flags int
	var received error
	err = raw.Read(func(fd uintptr) bool {
		received = again(func() error {
			n, _, flags, _, err = unix.Recvmsg(int(fd), buffer, nil, 0)
			return err
		})
		return !errors.Is(received, unix.EAGAIN)
	})
	if err = errors.Join(err, received); err == nil && flags&unix.MSG_TRUNC != 0 {
		err = ErrMalformed
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// again makes a call anew when a signal interrupts it.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

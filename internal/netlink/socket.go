package netlink

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	mdlayher "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A transport sends datagrams to the kernel and receives datagrams from it.
type transport interface {
	send(messages []byte) error
	receive(buffer []byte) (int, error) // ErrMalformed if a datagram is longer than the buffer
	reserve(bytes int) error            // see Conn.Reserve
	deviceName(index uint32) string     // see Conn.DeviceName
	Close() error
}

var _ transport = socket{}

// A socket is a non-blocking netlink socket with a deadline.
//
// Almost always the kernel takes a request and has its answer at once: it executes a request
// inside the system call that sends it. So a call is first made directly, without the cost of
// the runtime's poller, which is used only if the call would wait.
type socket struct {
	*mdlayher.Conn
	raw  syscall.RawConn
	fd   int
	sent *time.Time // the last request
}

func dialSocket(protocol int, options Options) (transport, error) {
	conn, err := mdlayher.Dial(protocol, nil)
	if err != nil {
		return nil, err
	}
	if options.ExtendedAck {
		// Kernels before 4.12 do not support it; their errors have no message.
		_ = conn.SetOption(mdlayher.ExtendedAcknowledge, true)
	}
	if options.StrictCheck {
		_ = conn.SetOption(mdlayher.GetStrictCheck, true)
	}
	s := socket{Conn: conn, sent: new(time.Time)}
	if s.raw, err = conn.SyscallConn(); err == nil {
		err = s.raw.Control(func(fd uintptr) { s.fd = int(fd) })
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

func (s socket) send(messages []byte) error {
	*s.sent = time.Now()
	return s.now(s.raw.Write, func() error {
		return unix.Sendto(s.fd, messages, unix.MSG_DONTWAIT, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	})
}

func (s socket) receive(buffer []byte) (n int, err error) {
	var flags int
	err = s.now(s.raw.Read, func() (err error) {
		n, _, flags, _, err = unix.Recvmsg(s.fd, buffer, nil, unix.MSG_DONTWAIT)
		return err
	})
	if err == nil && flags&unix.MSG_TRUNC != 0 {
		err = ErrMalformed
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (s socket) deviceName(index uint32) string {
	r, err := unix.NewIfreq("")
	if err != nil {
		return ""
	}
	r.SetUint32(index)
	if unix.IoctlIfreq(s.fd, unix.SIOCGIFNAME, r) != nil {
		return ""
	}
	return r.Name()
}

// now makes a call. If the socket is not ready, it waits with the poller until the deadline and
// repeats the call.
func (s socket) now(wait func(func(uintptr) bool) error, call func() error) error {
	result := uninterrupted(call)
	if !errors.Is(result, unix.EAGAIN) {
		return result
	}
	if err := s.SetDeadline(s.sent.Add(AnswerLimit)); err != nil {
		return err
	}
	err := wait(func(uintptr) bool {
		result = uninterrupted(call)
		return !errors.Is(result, unix.EAGAIN)
	})
	return errors.Join(err, result)
}

// uninterrupted repeats a call that is interrupted by a signal.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// reserve sets the send buffer and reads it back: without CAP_NET_ADMIN the kernel limits
// it to net.core.wmem_max and reports no error.
func (s socket) reserve(bytes int) error {
	have, err := s.WriteBuffer()
	if err != nil {
		return fmt.Errorf("netlink write buffer: %w", err)
	}
	if have >= 2*bytes {
		return nil
	}
	if err := s.SetWriteBuffer(bytes + bytes/2); err != nil {
		return fmt.Errorf("netlink write buffer: %w", err)
	}
	if have, err = s.WriteBuffer(); err != nil {
		return fmt.Errorf("netlink write buffer: %w", err)
	}
	if have < bytes {
		return fmt.Errorf("a transaction of %d bytes needs a larger netlink write buffer than the kernel allows (%d bytes): raise net.core.wmem_max, or run with CAP_NET_ADMIN in the initial user namespace", bytes, have)
	}
	return nil
}

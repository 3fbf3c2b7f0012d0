package netlink

import (
	"errors"
	"fmt"
	"time"

	mdlayher "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A transport sends datagrams to the kernel and receives datagrams from it.
type transport interface {
	send(messages []byte) error
	receive(buffer []byte) (int, error) // ErrMalformed if a datagram is longer than the buffer
	reserve(bytes int) error            // see Conn.Reserve
	Close() error
}

var _ transport = socket{}

// A socket is a non-blocking netlink socket with a deadline.
type socket struct{ *mdlayher.Conn }

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
	return socket{conn}, nil
}

func (s socket) send(messages []byte) error {
	if err := s.SetDeadline(time.Now().Add(AnswerLimit)); err != nil {
		return err
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		sent = uninterrupted(func() error {
			return unix.Sendto(int(fd), messages, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		})
		return !errors.Is(sent, unix.EAGAIN)
	})
	return errors.Join(err, sent)
}

func (s socket) receive(buffer []byte) (n int, err error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return 0, err
	}
	var flags int
	var received error
	err = raw.Read(func(fd uintptr) bool {
		received = uninterrupted(func() error {
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

package controlplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// replay sends a batch to the kernel, and returns the kernel's time: the kernel
// processes a batch before the send call returns.
func (d *director) replay(batch []byte) (took time.Duration, err error) {
	err = d.Do(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 2*len(batch)); err != nil {
			return err
		}
		begin := time.Now()
		err = unix.Sendto(fd, batch, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		took = time.Since(begin)
		if err != nil {
			return err
		}
		return acknowledged(fd)
	})
	return took, err
}

// acknowledged reads the reply to the batch.
func acknowledged(fd int) error {
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, unix.MSG_DONTWAIT)
	if err != nil {
		return fmt.Errorf("reply to a batch: %w", err)
	}
	if n < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return errors.New("reply to a batch: no acknowledgement")
	}
	if errno := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); errno != 0 {
		return fmt.Errorf("the kernel refuses the batch: %w", unix.Errno(-errno))
	}
	return nil
}

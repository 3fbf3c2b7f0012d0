package host

import (
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// connectTimeout bounds the time in which a real server must accept a connection.
const connectTimeout = 3 * time.Second

// maxSockets bounds the connections that are opened at the same time.
const maxSockets = 2000

// connect opens a TCP connection to each address. It makes its sockets on the calling
// thread, which package net does not: the thread may be in another network namespace.
func connect(to []netip.AddrPort) map[netip.AddrPort]error {
	failed := map[netip.AddrPort]error{}
	for len(to) > 0 {
		n := min(len(to), socketLimit())
		connectTo(to[:n], failed)
		to = to[n:]
	}
	return failed
}

// socketLimit leaves half of the files that the process may open to others: with too many
// sockets, the kernel refuses more, and a real server would seem to refuse connections.
func socketLimit() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return maxSockets
	}
	return int(max(1, min(limit.Cur/2, maxSockets)))
}

func connectTo(to []netip.AddrPort, failed map[netip.AddrPort]error) {
	waiting := map[int32]netip.AddrPort{}
	for _, at := range to {
		fd, err := startConnect(at)
		if err != nil {
			failed[at] = err
			continue
		}
		waiting[int32(fd)] = at
	}
	for deadline := time.Now().Add(connectTimeout); len(waiting) > 0; {
		left := time.Until(deadline)
		ready := pollSockets(waiting, left)
		for _, fd := range ready {
			if err := connectResult(fd); err != nil {
				failed[waiting[fd]] = err
			}
			_ = unix.Close(int(fd))
			delete(waiting, fd)
		}
		if left <= 0 {
			break
		}
	}
	for fd, at := range waiting {
		failed[at] = unix.ETIMEDOUT
		_ = unix.Close(int(fd))
	}
}

func startConnect(at netip.AddrPort) (int, error) {
	family, address := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()})
	if at.Addr().Is4() {
		family, address = unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	if err := unix.Connect(fd, address); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// pollSockets returns the sockets whose connect has ended.
func pollSockets(waiting map[int32]netip.AddrPort, timeout time.Duration) (ready []int32) {
	polled := make([]unix.PollFd, 0, len(waiting))
	for fd := range waiting {
		polled = append(polled, unix.PollFd{Fd: fd, Events: unix.POLLOUT})
	}
	if _, err := unix.Poll(polled, int(max(timeout, 0).Milliseconds())); err != nil {
		return nil
	}
	for _, p := range polled {
		if p.Revents != 0 {
			ready = append(ready, p.Fd)
		}
	}
	return ready
}

func connectResult(fd int32) error {
	number, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || number == 0 {
		return err
	}
	return unix.Errno(number)
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// isSender reports whether this process is the sender. It is the same program as the
// process that starts it, so tests need not build another one.
func isSender(args []string) bool { return len(args) == 2 && args[1] == senderArgument }

const senderArgument = "send-packets"

// An order is the sender's input.
type order struct {
	Load
	Device string
	Frames [][]byte // whole Ethernet frames
}

// A Load configures the sender.
type Load struct {
	CPU    int  // processor of the sender
	Urgent bool // real-time scheduling, SCHED_FIFO of sched(7)
}

// sender sends the frames of an order in rotation, as fast as one processor can, until
// its standard input ends. veth runs the receiver's hooks on the processor of the
// sender.
func sender(in io.Reader, out io.Writer) int {
	if err := sendOrder(in, out); err != nil {
		fmt.Fprintln(os.Stderr, "sender:", err)
		return 2
	}
	return 0
}

func sendOrder(in io.Reader, out io.Writer) error {
	var o order
	decoder := json.NewDecoder(in)
	if err := decoder.Decode(&o); err != nil {
		return fmt.Errorf("reading the order: %w", err)
	}
	runtime.LockOSThread()
	if err := o.pin(); err != nil {
		return err
	}
	socket, err := packetSocket(o.Device)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	var stop atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, in)
		stop.Store(true)
	}()
	fmt.Fprintln(out, "sending")
	for batch := newBatch(o.Frames); !stop.Load(); {
		if err := batch.send(socket); err != nil {
			return err
		}
	}
	return nil
}

// pin binds the calling thread to its processor, and sets its scheduling.
func (l Load) pin() error {
	var cpu unix.CPUSet
	cpu.Set(l.CPU)
	if err := unix.SchedSetaffinity(0, &cpu); err != nil {
		return fmt.Errorf("processor %d: %w", l.CPU, err)
	}
	if !l.Urgent {
		return nil
	}
	attr := unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: 1}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		return fmt.Errorf("real-time scheduling: %w", err)
	}
	return nil
}

// packetSocket opens a packet(7) socket that only sends, through the device.
func packetSocket(device string) (int, error) {
	link, err := net.InterfaceByName(device)
	if err != nil {
		return -1, err
	}
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("packet socket: %w", err)
	}
	if err := unix.SetsockoptInt(socket, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
		return -1, fmt.Errorf("packet socket: %w", err)
	}
	if err := unix.Bind(socket, &unix.SockaddrLinklayer{Ifindex: link.Index}); err != nil {
		return -1, fmt.Errorf("packet socket: %w", err)
	}
	return socket, nil
}

// A batch is a list of frames for sendmmsg(2).
type batch struct {
	headers []mmsghdr
	next    int
}

// mmsghdr is struct mmsghdr of sys/socket.h on 64-bit machines.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

func newBatch(frames [][]byte) *batch {
	b := &batch{headers: make([]mmsghdr, len(frames))}
	for i, frame := range frames {
		vector := &unix.Iovec{Base: &frame[0]}
		vector.SetLen(len(frame))
		b.headers[i].header.Iov = vector
		b.headers[i].header.SetIovlen(1)
	}
	return b
}

// send sends some of the frames; the next call continues after them.
func (b *batch) send(socket int) error {
	const most = 128
	part := b.headers[b.next:min(b.next+most, len(b.headers))]
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(socket), uintptr(unsafe.Pointer(&part[0])), uintptr(len(part)), 0, 0, 0)
	switch errno {
	case 0:
		b.next = (b.next + int(n)) % len(b.headers)
	case unix.ENOBUFS, unix.EINTR:
	default:
		return os.NewSyscallError("sendmmsg", errno)
	}
	return nil
}

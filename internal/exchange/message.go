package exchange

import (
	"encoding/binary"
	"fmt"
	"iter"
	"strings"

	"golang.org/x/sys/unix"
)

// A Message is one that the kernel sent.
type Message struct {
	Type, Flags uint16
	Sequence    uint32 // of the request that it answers
	Data        []byte // behind struct nlmsghdr
}

// Messages yields those of a datagram, and ErrMalformed for one that is cut short.
func Messages(datagram []byte) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for len(datagram) > 0 {
			if len(datagram) < unix.NLMSG_HDRLEN {
				yield(Message{}, ErrMalformed)
				return
			}
			n := int(binary.NativeEndian.Uint32(datagram))
			if n < unix.NLMSG_HDRLEN || n > len(datagram) {
				yield(Message{}, ErrMalformed)
				return
			}
			m := Message{
				Type:     binary.NativeEndian.Uint16(datagram[4:]),
				Flags:    binary.NativeEndian.Uint16(datagram[6:]),
				Sequence: binary.NativeEndian.Uint32(datagram[8:]),
				Data:     datagram[unix.NLMSG_HDRLEN:n],
			}
			if !yield(m, nil) {
				return
			}
			datagram = datagram[min((n+3)&^3, len(datagram)):]
		}
	}
}

// A KernelError is the kernel's answer to a request that it does not carry out.
type KernelError struct {
	Errno       unix.Errno
	ExtendedAck string // what the kernel says besides; mostly empty
}

func (e *KernelError) Error() string {
	if e.ExtendedAck == "" {
		return e.Errno.Error()
	}
	return fmt.Sprintf("%v (%s)", e.Errno, e.ExtendedAck)
}

// Unwrap gives the errno.
func (e *KernelError) Unwrap() error { return e.Errno }

// Verdict reads what NLMSG_ERROR and NLMSG_DONE say: nil where the kernel did what
// it was asked, else a *KernelError.
func (m Message) Verdict() error {
	if len(m.Data) < 4 {
		return ErrMalformed
	}
	if errno := int32(binary.NativeEndian.Uint32(m.Data)); errno != 0 {
		return &KernelError{Errno: unix.Errno(-errno), ExtendedAck: m.extendedAck()}
	}
	return nil
}

// Flags and attribute of an extended acknowledgement: struct nlmsgerr in
// linux/netlink.h.
const (
	flagCapped    = 0x100 // NLM_F_CAPPED
	flagExtended  = 0x200 // NLM_F_ACK_TLVS
	attributeText = 1     // NLMSGERR_ATTR_MSG
)

// words is the text of an extended acknowledgement: behind the errno stands the
// message that is answered, or its header alone, and then attributes.
func (m Message) extendedAck() string {
	if m.Flags&flagExtended == 0 || m.Type != unix.NLMSG_ERROR {
		return ""
	}
	rest := m.Data[4:]
	if len(rest) < unix.NLMSG_HDRLEN {
		return ""
	}
	skip := unix.NLMSG_HDRLEN
	if m.Flags&flagCapped == 0 {
		skip = max(skip, int(binary.NativeEndian.Uint32(rest)))
	}
	for rest = rest[min((skip+3)&^3, len(rest)):]; len(rest) >= 4; {
		n := int(binary.NativeEndian.Uint16(rest))
		if n < 4 || n > len(rest) {
			return ""
		}
		if binary.NativeEndian.Uint16(rest[2:]) == attributeText {
			return strings.TrimRight(string(rest[4:n]), "\x00")
		}
		rest = rest[min((n+3)&^3, len(rest)):]
	}
	return ""
}

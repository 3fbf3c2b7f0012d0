package netlink

import (
	"encoding/binary"
	"iter"
	"strings"

	"golang.org/x/sys/unix"
)

// A Message is a message from the kernel.
type Message struct {
	Type     uint16
	Flags    uint16
	Sequence uint32 // of the answered request
	Data     []byte // after struct nlmsghdr
}

// Attributes returns the attributes, which follow a protocol header of that many bytes.
// The error is ErrMalformed.
func (m Message) Attributes(header int) ([]byte, error) {
	if len(m.Data) < header {
		return nil, ErrMalformed
	}
	return m.Data[header:], nil
}

// Messages yields the messages of a datagram, and ErrMalformed for a truncated one.
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
			datagram = datagram[min(Aligned(n), len(datagram)):]
		}
	}
}

// Verdict decodes NLMSG_ERROR and NLMSG_DONE: nil for success, else a *KernelError. It
// returns ErrMalformed if the message is too short.
func (m Message) Verdict() error {
	if len(m.Data) < 4 {
		return ErrMalformed
	}
	if errno := int32(binary.NativeEndian.Uint32(m.Data)); errno != 0 {
		return &KernelError{Errno: unix.Errno(-errno), ExtendedAck: m.extendedAck()}
	}
	return nil
}

// extendedAck returns the text of an extended acknowledgement (struct nlmsgerr in
// linux/netlink.h): the errno is followed by the refused message or its header, and then
// by attributes.
func (m Message) extendedAck() string {
	if m.Flags&unix.NLM_F_ACK_TLVS == 0 || m.Type != unix.NLMSG_ERROR {
		return ""
	}
	rest := m.Data[4:]
	if len(rest) < unix.NLMSG_HDRLEN {
		return ""
	}
	skip := unix.NLMSG_HDRLEN
	if m.Flags&unix.NLM_F_CAPPED == 0 {
		skip = max(skip, int(binary.NativeEndian.Uint32(rest)))
	}
	for typ, data := range Attributes(rest[min(Aligned(skip), len(rest)):]) {
		if typ == unix.NLMSGERR_ATTR_MSG {
			return strings.TrimRight(string(data), "\x00")
		}
	}
	return ""
}

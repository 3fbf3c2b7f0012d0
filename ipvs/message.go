package ipvs

import (
	"encoding/binary"
	"iter"

	"golang.org/x/sys/unix"
)

// Headers of generic netlink: struct nlmsghdr, which is length, type, flags,
// sequence number and port; then struct genlmsghdr, which is command, version and
// two bytes that are 0.
const (
	messageHeader = unix.SizeofNlMsghdr
	genericHeader = 4
)

// appendMessage adds a request. The attributes are what add appends; nil: none.
func (c *Conn) appendMessage(b []byte, command uint8, flags uint16, add func([]byte) []byte) []byte {
	begin := len(b)
	c.sequence++
	b = binary.NativeEndian.AppendUint32(b, 0) // the length, see below
	b = binary.NativeEndian.AppendUint16(b, c.family)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|flags)
	b = binary.NativeEndian.AppendUint32(b, c.sequence)
	b = binary.NativeEndian.AppendUint32(b, 0) // the kernel knows the port
	b = append(b, command, familyVersion, 0, 0)
	if add != nil {
		b = add(b)
	}
	binary.NativeEndian.PutUint32(b[begin:], uint32(len(b)-begin))
	return b
}

// A message is one that the kernel sent.
type message struct {
	typ      uint16
	sequence uint32 // of the request that it answers
	data     []byte // behind struct nlmsghdr
}

// messages yields those of a datagram, and an error for one that is cut short.
func messages(datagram []byte) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		for len(datagram) > 0 {
			if len(datagram) < messageHeader {
				yield(message{}, errMalformed)
				return
			}
			n := int(binary.NativeEndian.Uint32(datagram))
			if n < messageHeader || n > len(datagram) {
				yield(message{}, errMalformed)
				return
			}
			m := message{
				typ:      binary.NativeEndian.Uint16(datagram[4:]),
				sequence: binary.NativeEndian.Uint32(datagram[8:]),
				data:     datagram[messageHeader:n],
			}
			if !yield(m, nil) {
				return
			}
			datagram = datagram[min(aligned(n), len(datagram)):]
		}
	}
}

// verdict reads the errno that NLMSG_ERROR and NLMSG_DONE begin with; 0 there is
// success.
func (m message) verdict() error {
	if len(m.data) < 4 {
		return errMalformed
	}
	if errno := int32(binary.NativeEndian.Uint32(m.data)); errno != 0 {
		return unix.Errno(-errno)
	}
	return nil
}

// attributes are those of an object.
func (m message) attributes() ([]byte, error) {
	if len(m.data) < genericHeader {
		return nil, errMalformed
	}
	return m.data[genericHeader:], nil
}

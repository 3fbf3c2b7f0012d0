package ipvs

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// genericHeader is the length of struct genlmsghdr: command, version and two bytes
// that are 0. Ahead of it stands struct nlmsghdr: length, type, flags, sequence
// number and port.
const genericHeader = 4

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

// attributesOf are those of the object that a message is about.
func attributesOf(m exchange.Message) ([]byte, error) {
	if len(m.Data) < genericHeader {
		return nil, exchange.ErrMalformed
	}
	return m.Data[genericHeader:], nil
}

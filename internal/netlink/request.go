package netlink

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// A Request is a message to the kernel. [Conn] numbers it and adds NLM_F_REQUEST.
type Request struct {
	Type   uint16
	Flags  uint16 // NLM_F_*
	Header []byte // of the protocol: struct nfgenmsg, struct genlmsghdr, struct ifaddrmsg
	Data   []byte // attributes
}

// isDump tells NLM_F_DUMP, which is two bits, from NLM_F_EXCL, which is one of them.
func (r Request) isDump() bool { return r.Flags&unix.NLM_F_DUMP == unix.NLM_F_DUMP }

func (r Request) length() int { return unix.NLMSG_HDRLEN + len(r.Header) + len(r.Data) }

// append adds the request as the kernel reads it: struct nlmsghdr, in host byte order,
// and its content. The port is left 0: the kernel knows that of the socket.
func (r Request) append(b []byte, sequence uint32) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(r.length()))
	b = binary.NativeEndian.AppendUint16(b, r.Type)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|r.Flags)
	b = binary.NativeEndian.AppendUint32(b, sequence)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(append(b, r.Header...), r.Data...)
	return appendPadding(b, r.length())
}

// Size is how many bytes requests take on the wire.
func Size(requests ...Request) int {
	n := 0
	for _, r := range requests {
		n += Aligned(r.length())
	}
	return n
}

package netlink

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// A Request is a message to the kernel. [Conn] sets its sequence number and NLM_F_REQUEST.
type Request struct {
	Type   uint16
	Flags  uint16 // NLM_F_*
	Header []byte // protocol header: struct nfgenmsg, struct genlmsghdr, struct ifaddrmsg
	Data   []byte // attributes
}

// isDump reports whether both bits of NLM_F_DUMP are set; one of them is NLM_F_EXCL.
func (r Request) isDump() bool { return r.Flags&unix.NLM_F_DUMP == unix.NLM_F_DUMP }

func (r Request) length() int { return unix.NLMSG_HDRLEN + len(r.Header) + len(r.Data) }

// append appends the encoded request: struct nlmsghdr, in host byte order, and its
// content. The port stays 0: the kernel knows the port of the socket.
func (r Request) append(b []byte, sequence uint32) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(r.length()))
	b = binary.NativeEndian.AppendUint16(b, r.Type)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|r.Flags)
	b = binary.NativeEndian.AppendUint32(b, sequence)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(append(b, r.Header...), r.Data...)
	return appendPadding(b, r.length())
}

// Size returns the encoded length of requests in bytes.
func Size(requests ...Request) int {
	n := 0
	for _, r := range requests {
		n += Aligned(r.length())
	}
	return n
}

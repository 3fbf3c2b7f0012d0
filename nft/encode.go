package nft

import (
	"encoding/binary"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// encodeBatch writes a transaction as it goes over the wire, in one piece: there may
// be thousands of elements. See nfnetlink_rcv_batch in net/netfilter/nfnetlink.c.
//
// Its messages are numbered from first on: an answer has the number of what it
// answers. One acknowledgement, of the last object, is enough: what fails is answered
// anyway, and thousands of answers would overflow the socket.
func encodeBatch(messages []message, generation, first uint32) []byte {
	var condition []byte
	if generation != 0 {
		const nfnlBatchGenID = 1
		condition = appendUint32(nil, nfnlBatchGenID, generation)
	}
	size := 2*messageHeader + len(condition)
	for _, m := range messages {
		size += messageHeader + aligned(len(m.data))
	}
	const family, resource = unix.NFPROTO_UNSPEC, unix.NFNL_SUBSYS_NFTABLES
	b := make([]byte, 0, size)
	b = appendMessage(b, unix.NFNL_MSG_BATCH_BEGIN, 0, first, family, resource, condition)
	for i, m := range messages {
		if i == len(messages)-1 {
			m.flags |= netlink.Acknowledge
		}
		b = appendMessage(b, unix.NFNL_SUBSYS_NFTABLES<<8|m.typ, m.flags, first+1+uint32(i), byte(m.family), 0, m.data)
	}
	return appendMessage(b, unix.NFNL_MSG_BATCH_END, 0, first+1+uint32(len(messages)), family, resource, nil)
}

const messageHeader = unix.NLMSG_HDRLEN + nfgenmsgLen // bytes

// appendMessage adds struct nlmsghdr, in host byte order, struct nfgenmsg and the
// data. The kernel knows the port of the socket.
func appendMessage(b []byte, typ uint16, flags netlink.HeaderFlags, sequence uint32, family byte, resource uint16, data []byte) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(messageHeader+len(data)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = binary.NativeEndian.AppendUint16(b, uint16(netlink.Request|flags))
	b = binary.NativeEndian.AppendUint32(b, sequence)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(b, nfgenmsg(family, resource)...)
	return appendPadding(append(b, data...))
}

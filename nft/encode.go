package nft

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// encodeBatch is a transaction, to be sent in one piece: there may be thousands of
// elements. See nfnetlink_rcv_batch in net/netfilter/nfnetlink.c.
//
// One acknowledgement, of the last object, is enough: the kernel answers each object that
// it refuses anyway, and thousands of answers would overflow the socket.
func encodeBatch(messages []message, generation uint32) []netlink.Request {
	var condition []byte
	if generation != 0 {
		const nfnlBatchGenID = 1 // NFNL_BATCH_GENID of linux/netfilter/nfnetlink.h
		condition = netlink.AppendBigEndian32(nil, nfnlBatchGenID, generation)
	}
	ofBatch := nfgenmsg(unix.NFPROTO_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	batch := make([]netlink.Request, 0, len(messages)+2)
	batch = append(batch, netlink.Request{Type: unix.NFNL_MSG_BATCH_BEGIN, Header: ofBatch, Data: condition})
	for _, m := range messages {
		batch = append(batch, request(m.typ, m.flags, byte(m.family), m.data))
	}
	batch[len(batch)-1].Flags |= unix.NLM_F_ACK
	return append(batch, netlink.Request{Type: unix.NFNL_MSG_BATCH_END, Header: ofBatch})
}

// nfgenmsg is struct nfgenmsg; resource goes in network byte order.
func nfgenmsg(family byte, resource uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{family, unix.NFNETLINK_V0}, resource)
}

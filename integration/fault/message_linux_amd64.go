package fault

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// messageHeader is the length of struct nlmsghdr: length, type, flags, sequence
// number and port, all in host byte order.
const messageHeader = unix.SizeofNlMsghdr

// messageName returns the name of a request.
func messageName(protocol string, message []byte) string {
	if len(message) < messageHeader {
		return "nothing"
	}
	typ := binary.NativeEndian.Uint16(message[4:])
	switch {
	case protocol == netfilter && typ == unix.NFNL_MSG_BATCH_BEGIN:
		return "transaction"
	case protocol == genetlink && len(message) > messageHeader:
		return fmt.Sprintf("family %d command %d", typ, message[messageHeader])
	}
	names := map[uint16]string{
		unix.NFT_MSG_GETTABLE: "GETTABLE", unix.NFT_MSG_GETCHAIN: "GETCHAIN", unix.NFT_MSG_GETRULE: "GETRULE",
		unix.NFT_MSG_GETSET: "GETSET", unix.NFT_MSG_GETSETELEM: "GETSETELEM", unix.NFT_MSG_GETGEN: "GETGEN",
		unix.NFT_MSG_GETOBJ: "GETOBJ", unix.NFT_MSG_GETFLOWTABLE: "GETFLOWTABLE",
	}
	if protocol == "rtnetlink" {
		names = map[uint16]string{
			unix.RTM_GETLINK: "GETLINK", unix.RTM_GETADDR: "GETADDR", unix.RTM_NEWADDR: "NEWADDR", unix.RTM_DELADDR: "DELADDR",
		}
	} else {
		typ &= 0xff
	}
	if name, ok := names[typ]; ok {
		return name
	}
	return fmt.Sprintf("type %d", typ)
}

// errorReply returns an NLMSG_ERROR with the errno, to the request of the message. It
// does not contain a copy of the request, because the buffer may be too small.
func errorReply(message []byte, errno unix.Errno) []byte {
	const length = messageHeader + 4
	answer := make([]byte, length)
	copy(answer[8:], message[8:messageHeader]) // sequence number and port
	binary.NativeEndian.PutUint32(answer, length)
	binary.NativeEndian.PutUint16(answer[4:], unix.NLMSG_ERROR)
	binary.NativeEndian.PutUint32(answer[messageHeader:], uint32(-int32(errno)))
	return answer
}

// withoutDone returns the datagram without NLMSG_DONE.
func withoutDone(datagram []byte) []byte {
	messages := messagesOf(datagram)
	if n := len(messages); n > 0 && isDone(messages[n-1]) {
		messages = messages[:n-1]
	}
	return bytes.Join(messages, nil)
}

// interruptedDump returns the datagram of a dump as the kernel sends it if the objects
// changed meanwhile: all messages have NLM_F_DUMP_INTR, and the first entry is
// missing. It returns any other datagram unchanged.
func interruptedDump(datagram []byte) []byte {
	messages := messagesOf(datagram)
	for _, m := range messages {
		if binary.NativeEndian.Uint16(m[6:])&unix.NLM_F_MULTI == 0 {
			return datagram
		}
	}
	if len(messages) > 2 && !isDone(messages[0]) {
		messages = messages[1:]
	}
	for _, m := range messages {
		m[6] |= unix.NLM_F_DUMP_INTR
	}
	return bytes.Join(messages, nil)
}

func isDone(message []byte) bool { return binary.NativeEndian.Uint16(message[4:]) == unix.NLMSG_DONE }

// messagesOf splits a datagram into messages.
func messagesOf(datagram []byte) [][]byte {
	var messages [][]byte
	for len(datagram) >= messageHeader {
		n := min((max(messageHeader, int(binary.NativeEndian.Uint32(datagram)))+3)&^3, len(datagram))
		messages = append(messages, datagram[:n])
		datagram = datagram[n:]
	}
	return messages
}

package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A Conn is a connection to nf_tables in one network namespace. It is not safe for
// concurrent use. Errors of its methods wrap those that package internal/netlink documents;
// a refusal is a *RefusedError or ErrStale.
type Conn struct {
	nl           *netlink.Conn
	retryTimeout time.Duration
	adopted      []TableName // see Adopt
	wait         func()      // see waitForPackets
}

// datagramLimit is the size of the receive buffer. The datagrams of a dump are as long as
// the largest buffer that the kernel has seen, up to 32 KiB. For each of them the kernel
// traverses a set from its beginning.
const datagramLimit = 64 << 10

// Dial opens a connection in the network namespace of the calling thread.
func Dial() (*Conn, error) {
	nl, err := netlink.Dial(unix.NETLINK_NETFILTER, netlink.Options{ExtendedAck: true, DatagramLimit: datagramLimit})
	if err != nil {
		return nil, fmt.Errorf("nf_tables netlink: %w", err)
	}
	return &Conn{nl: nl, retryTimeout: retryTimeout, wait: waitForPackets}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.nl.Close() }

// Generation returns the generation of the ruleset, which the kernel increments with each
// transaction of any process.
func (c *Conn) Generation() (uint32, error) {
	for e, err := range c.query(request(unix.NFT_MSG_GETGEN, 0, unix.NFPROTO_UNSPEC, nil)) {
		if err != nil {
			return 0, refused("the ruleset's generation", err)
		}
		for typ, data := range netlink.Attributes(e.data) {
			if typ == unix.NFTA_GEN_ID && len(data) == 4 {
				return uint32Of(data), nil
			}
		}
	}
	return 0, errors.New("nf_tables: the kernel's answer has no generation")
}

// errInterrupted reports that the ruleset changed during a read.
var errInterrupted = errors.New("the nftables ruleset changed during the read")

// monitorHint ends errors about other processes that commit again and again.
const monitorHint = "`nft monitor` prints the process that changes it"

// dump yields the objects of a list. An object is valid until the next one is yielded.
func (c *Conn) dump(typ uint16, family byte, filter []byte) iter.Seq2[entry, error] {
	return c.query(request(typ, unix.NLM_F_DUMP, family, filter))
}

// An entry is an object in an answer.
type entry struct {
	family byte
	data   []byte // attributes
}

// query yields the objects of the answer to one request; see netlink.Conn.Query.
func (c *Conn) query(r netlink.Request) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for m, err := range c.nl.Query(r) {
			var data []byte
			if err == nil {
				data, err = m.Attributes(nfgenmsgLen)
			}
			if errors.Is(err, netlink.ErrInterrupted) {
				err = errInterrupted
			}
			if err != nil {
				yield(entry{}, err)
				return
			}
			if !yield(entry{m.Data[0], data}, nil) {
				return
			}
		}
	}
}

const nfgenmsgLen = 4

// request returns a request to nf_tables.
func request(typ, flags uint16, family byte, attributes []byte) netlink.Request {
	return netlink.Request{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | typ, Flags: flags, Header: nfgenmsg(family, 0), Data: attributes}
}

// ErrStale reports that the ruleset is not of the expected generation any more. Nothing was
// changed.
var ErrStale = errors.New("the nftables ruleset was changed by another process")

// A RefusedError is the kernel's refusal of one object of a transaction. The
// transaction changed nothing.
type RefusedError struct {
	Object string // the refused object
	Err    error  // a *netlink.KernelError, which wraps an errno

	origin any // see message
}

func refusedMessage(m message, err error) error {
	err = refused(m.object, err)
	if refusal, ok := errors.AsType[*RefusedError](err); ok {
		refusal.origin = m.origin
	}
	return err
}

func (e *RefusedError) Error() string { return fmt.Sprintf("kernel refuses %s: %v", e.Object, e.Err) }

// Unwrap returns the kernel's error.
func (e *RefusedError) Unwrap() error { return e.Err }

func refused(object string, err error) error {
	if refusal, ok := errors.AsType[*netlink.KernelError](err); ok {
		return &RefusedError{Object: object, Err: refusal}
	}
	return fmt.Errorf("%s: %w", object, err)
}

// transact commits the messages as one transaction if the ruleset is of that generation; 0
// means any. The kernel executes a batch before the call that sends it returns, completely
// or not at all. If its answer is lost, it is unknown whether the transaction is committed.
func (c *Conn) transact(messages []message, generation uint32) error {
	if len(messages) == 0 {
		return nil
	}
	batch := encodeBatch(messages, generation)
	if err := c.nl.Reserve(netlink.Size(batch...)); err != nil {
		return err
	}
	return c.commit(batch, messages)
}

// commit sends the encoded messages.
func (c *Conn) commit(batch []netlink.Request, messages []message) error {
	i, err := c.nl.Commit(batch)
	object := i - 1 // the first request is NFNL_MSG_BATCH_BEGIN
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ERESTART):
		return ErrStale
	case 0 <= object && object < len(messages):
		return refusedMessage(messages[object], err)
	}
	return refused("the transaction", err)
}

// encodeBatch encodes a transaction, which must be sent in one datagram even if it has
// thousands of elements. See nfnetlink_rcv_batch in net/netfilter/nfnetlink.c.
//
// Only the last object requests an acknowledgement: the kernel reports each refused object
// anyway, and thousands of acknowledgements would overflow the receive buffer.
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

// nfgenmsg encodes struct nfgenmsg, with resource in network byte order.
func nfgenmsg(family byte, resource uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{family, unix.NFNETLINK_V0}, resource)
}

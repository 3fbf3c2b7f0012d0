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
// concurrent use. Errors of its methods wrap those that package internal/netlink
// documents; a refusal is a *RefusedError, or ErrStale.
type Conn struct {
	nl           *netlink.Conn
	retryTimeout time.Duration
}

// datagramLimit is the longest datagram that is received. The kernel makes those of a
// dump as long as the longest buffer that it has seen, up to 32 KiB, and walks a set from
// its begin for each.
const datagramLimit = 64 << 10

// Dial opens a connection in the network namespace of the calling thread.
func Dial() (*Conn, error) {
	nl, err := netlink.Dial(unix.NETLINK_NETFILTER, netlink.Options{ExtendedAck: true, DatagramLimit: datagramLimit})
	if err != nil {
		return nil, fmt.Errorf("nf_tables netlink: %w", err)
	}
	return &Conn{nl: nl, retryTimeout: retryTimeout}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.nl.Close() }

// Generation returns the number that the kernel adds to with each change of the
// ruleset, by any process.
func (c *Conn) Generation() (uint32, error) {
	for e, err := range c.ask(request(unix.NFT_MSG_GETGEN, 0, unix.NFPROTO_UNSPEC, nil)) {
		if err != nil {
			return 0, refused("the ruleset's generation", err)
		}
		for typ, data := range netlink.Attributes(e.data) {
			if typ == unix.NFTA_GEN_ID && len(data) == 4 {
				return uint32Of(data), nil
			}
		}
	}
	return 0, errors.New("nf_tables: no generation in the kernel's answer")
}

// errInterrupted says that the ruleset changed while it was read.
var errInterrupted = errors.New("the ruleset changes while it is read")

// dump yields the objects of a list. An object is valid until the next one is yielded.
func (c *Conn) dump(typ uint16, family byte, filter []byte) iter.Seq2[entry, error] {
	return c.ask(request(typ, unix.NLM_F_DUMP, family, filter))
}

// An entry is an object of an answer.
type entry struct {
	family byte
	data   []byte // attributes
}

// ask yields the objects of the answer to one request; see netlink.Conn.Ask.
func (c *Conn) ask(r netlink.Request) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for m, err := range c.nl.Ask(r) {
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

// request is a message to nf_tables.
func request(typ, flags uint16, family byte, attributes []byte) netlink.Request {
	return netlink.Request{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | typ, Flags: flags, Header: nfgenmsg(family, 0), Data: attributes}
}

// ErrStale says that the ruleset is no longer of the generation that a change
// was made for. Nothing was changed.
var ErrStale = errors.New("the nftables ruleset was changed by another process")

// A RefusedError is the kernel's refusal of one object of a transaction. The
// transaction changed nothing.
type RefusedError struct {
	Object string // what the kernel refused
	Err    error  // a *netlink.KernelError; an errno inside
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

// transact commits the messages as one transaction, if the ruleset is still of that
// generation; 0 stands for any. The kernel executes a batch before the call that sends
// it returns, all or nothing. Where its answer is lost, it is not known whether the
// transaction was committed.
func (c *Conn) transact(messages []message, generation uint32) error {
	if len(messages) == 0 {
		return nil
	}
	batch := encodeBatch(messages, generation)
	if err := c.nl.Reserve(netlink.Size(batch...)); err != nil {
		return err
	}
	i, err := c.nl.Commit(batch)
	object := i - 1 // the first request begins the batch
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ERESTART):
		return ErrStale
	case 0 <= object && object < len(messages):
		return refused(messages[object].object, err)
	}
	return refused("the transaction", err)
}

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

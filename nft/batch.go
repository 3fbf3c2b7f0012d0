package nft

import (
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ErrStale says that the ruleset is no longer of the generation that a change
// was made for. Nothing was changed.
var ErrStale = errors.New("the nftables ruleset was changed by somebody else meanwhile")

// A RefusedError is the kernel's refusal of one object of a transaction. The
// transaction changed nothing.
type RefusedError struct {
	Object string // what the kernel refused
	Err    error  // the kernel's words; an errno inside
}

func (e *RefusedError) Error() string { return fmt.Sprintf("kernel refuses %s: %v", e.Object, e.Err) }

// Unwrap gives the kernel's words.
func (e *RefusedError) Unwrap() error { return e.Err }

func refused(object string, err error) error {
	var op *netlink.OpError
	if errors.As(err, &op) {
		words := op.Err
		if op.Message != "" {
			words = fmt.Errorf("%w (%s)", op.Err, op.Message)
		}
		return &RefusedError{Object: object, Err: words}
	}
	return fmt.Errorf("%s: %w", object, err)
}

// transact commits the messages as one transaction, if the ruleset is still of that
// generation; 0 stands for any. The kernel works through a batch before sendmsg
// returns, all or nothing.
func (c *Conn) transact(messages []message, generation uint32) error {
	if len(messages) == 0 {
		return nil
	}
	batch := make([]netlink.Message, 0, len(messages)+2)
	batch = append(batch, batchMessage(unix.NFNL_MSG_BATCH_BEGIN, generation))
	for _, m := range messages {
		batch = append(batch, m.netlink())
	}
	// One acknowledgement, of the last object, is enough: what fails is answered
	// anyway, and thousands of answers would overflow the socket.
	batch[len(batch)-1].Header.Flags |= netlink.Acknowledge
	batch = append(batch, batchMessage(unix.NFNL_MSG_BATCH_END, 0))
	if err := c.ready(); err != nil {
		return err
	}
	if err := c.reserve(batch); err != nil {
		return err
	}
	sent, err := c.send(batch...)
	if err != nil {
		return fmt.Errorf("sending %d nftables objects: %w", len(messages), err)
	}
	return c.acknowledged(messages, sent)
}

// acknowledged waits for the answer to the last object, or the first refusal.
func (c *Conn) acknowledged(messages []message, sent []netlink.Message) error {
	last := sent[len(sent)-2].Header.Sequence
	for {
		replies, err := c.receive()
		if err != nil {
			return c.explain(messages, sent, err)
		}
		for _, reply := range replies {
			if reply.Header.Sequence == last {
				return nil
			}
		}
	}
}

func (c *Conn) explain(messages []message, sent []netlink.Message, err error) error {
	if errors.Is(err, unix.ERESTART) {
		return ErrStale
	}
	var op *netlink.OpError
	if errors.As(err, &op) {
		for i, m := range messages {
			if sent[i+1].Header.Sequence == op.Sequence {
				return refused(m.object, err)
			}
		}
	}
	return refused("the transaction", err)
}

// reserve makes the socket take the batch in one piece. The kernel takes less
// than asked for from a process that may not exceed net.core.wmem_max, and does
// not say so.
func (c *Conn) reserve(batch []netlink.Message) error {
	need := 0
	for _, m := range batch {
		need += 16 + (len(m.Data)+3)&^3
	}
	have, err := c.nl.WriteBuffer()
	if err != nil {
		return fmt.Errorf("netlink write buffer: %w", err)
	}
	if have >= 2*need {
		return nil
	}
	if err := c.nl.SetWriteBuffer(need + need/2); err != nil {
		return fmt.Errorf("netlink write buffer: %w", err)
	}
	if have, err = c.nl.WriteBuffer(); err != nil {
		return fmt.Errorf("netlink write buffer: %w", err)
	}
	if have < need {
		return fmt.Errorf("a transaction of %d bytes needs a larger netlink write buffer than the kernel grants (%d bytes): raise net.core.wmem_max, or run with CAP_NET_ADMIN in the initial user namespace", need, have)
	}
	return nil
}

// batchMessage begins or ends a transaction; see nfnetlink_rcv_batch in
// net/netfilter/nfnetlink.c.
func batchMessage(typ netlink.HeaderType, generation uint32) netlink.Message {
	m := netlink.Message{
		Header: netlink.Header{Type: typ, Flags: netlink.Request},
		Data:   nfgenmsg(unix.NFPROTO_UNSPEC, unix.NFNL_SUBSYS_NFTABLES),
	}
	if generation != 0 {
		const nfnlBatchGenID = 1
		m.Data = appendUint32(m.Data, nfnlBatchGenID, generation)
	}
	return m
}

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
	batch := encodeBatch(messages, generation)
	if err := c.ready(); err != nil {
		return err
	}
	if err := c.reserve(len(batch)); err != nil {
		return err
	}
	if err := c.write(batch); err != nil {
		return fmt.Errorf("sending %d nftables objects: %w", len(messages), err)
	}
	return c.acknowledged(messages)
}

// acknowledged waits for the answer to the last object, or the first refusal.
func (c *Conn) acknowledged(messages []message) error {
	for {
		replies, err := c.receive()
		if err != nil {
			return explain(messages, err)
		}
		for _, reply := range replies {
			if reply.Header.Sequence == sequenceOf(len(messages)-1) {
				return nil
			}
		}
	}
}

func explain(messages []message, err error) error {
	if errors.Is(err, unix.ERESTART) {
		return ErrStale
	}
	var op *netlink.OpError
	if errors.As(err, &op) {
		for i, m := range messages {
			if sequenceOf(i) == op.Sequence {
				return refused(m.object, err)
			}
		}
	}
	return refused("the transaction", err)
}

// reserve makes the socket take so many bytes in one piece. The kernel takes less
// than asked for from a process that may not exceed net.core.wmem_max, and does
// not say so.
func (c *Conn) reserve(need int) error {
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

package nft

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
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
	if refusal, ok := errors.AsType[*exchange.KernelError](err); ok {
		return &RefusedError{Object: object, Err: refusal}
	}
	return fmt.Errorf("%s: %w", object, err)
}

// transact commits the messages as one transaction, if the ruleset is still of that
// generation; 0 stands for any. The kernel works through a batch before the call that
// sends it returns, all or nothing.
func (c *Conn) transact(messages []message, generation uint32) error {
	if len(messages) == 0 {
		return nil
	}
	if err := c.ready(); err != nil {
		return err
	}
	first := c.sequence + 1
	c.sequence += uint32(len(messages)) + 2 // the objects, and the two ends of the batch
	batch := encodeBatch(messages, generation, first)
	if err := c.reserve(len(batch)); err != nil {
		return err
	}
	if err := c.send(batch); err != nil {
		return fmt.Errorf("sending %d nftables objects: %w", len(messages), err)
	}
	return c.acknowledged(messages, first)
}

// acknowledged waits for the answer to the last object, or the first refusal. The
// batch is numbered from first on.
func (c *Conn) acknowledged(messages []message, first uint32) error {
	for {
		datagram, err := c.receive()
		if err != nil {
			return refused("the transaction", err)
		}
		for m, err := range exchange.Messages(datagram) {
			if err == nil && m.Type == unix.NLMSG_ERROR {
				err = m.Verdict()
			}
			object := int(m.Sequence-first) - 1
			switch {
			case err != nil:
				return c.failed(explain(messages, object, err))
			case object == len(messages)-1:
				return nil
			}
		}
	}
}

// explain says which object was refused.
func explain(messages []message, object int, err error) error {
	switch {
	case errors.Is(err, unix.ERESTART):
		return ErrStale
	case 0 <= object && object < len(messages):
		return refused(messages[object].object, err)
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

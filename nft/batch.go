package nft

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

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

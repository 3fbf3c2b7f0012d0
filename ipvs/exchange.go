package ipvs

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mdlayher/genetlink"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// answerLimit is how long the kernel may take to answer. It works through a
// request before the call that sends it returns, so this only keeps lvsmark from
// waiting for an answer that was lost.
const answerLimit = 30 * time.Second

// datagramLimit is the longest datagram that is received. The kernel makes those
// of a dump as long as the longest buffer that it has seen, and clears that much
// memory for each, however little it has to say: this much, with what it needs
// besides, is two pages. Without such a buffer it would make them no longer, on
// any machine.
const datagramLimit = 8192 - 320

// ready is called before each request. After an exchange that failed it opens
// another socket: answers that nobody read may still come over the former one,
// and would be taken for those to what is asked next.
func (c *Conn) ready() error {
	if c.spoiled {
		genl, err := dialGeneric()
		if err != nil {
			return err
		}
		_ = c.genl.Close()
		c.genl, c.spoiled = genl, false
	}
	return c.genl.SetDeadline(time.Now().Add(answerLimit))
}

func dialGeneric() (*genetlink.Conn, error) {
	genl, err := genetlink.Dial(nil)
	if err == nil {
		err = genl.SetDeadline(time.Now().Add(answerLimit))
	}
	if err != nil {
		return nil, fmt.Errorf("open generic netlink: %w", err)
	}
	return genl, nil
}

// send sends requests, in one piece.
func (c *Conn) send(requests []byte) error {
	if err := c.ready(); err != nil {
		return err
	}
	return c.failed(exchange.Send(c.genl, requests))
}

// receive returns the next datagram, which the one after it overwrites.
func (c *Conn) receive() ([]byte, error) {
	n, err := exchange.Receive(c.genl, c.datagram)
	return c.datagram[:n], c.failed(err)
}

// failed takes note of the error of an exchange, if there is one.
func (c *Conn) failed(err error) error {
	if err != nil {
		c.spoiled = true
		return refusal(err)
	}
	return nil
}

// refusal reduces an error of the netlink libraries to the kernel's own words,
// and adds ErrPrivilege where that is what is missing.
func refusal(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the kernel did not answer within %s", answerLimit)
	}
	errno, ok := errors.AsType[unix.Errno](err)
	if !ok {
		return err
	}
	if errno == unix.EPERM || errno == unix.EACCES {
		return fmt.Errorf("%w: %w", errno, ErrPrivilege)
	}
	return errno
}

package ipvs

import (
	"fmt"
	"time"

	"github.com/mdlayher/genetlink"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// ready is called before each request. After an exchange that failed it opens
// another socket: answers that nobody read may still come over the previous one,
// and would be taken for those to what is asked next.
func (c *Conn) ready() error {
	if c.broken {
		genl, err := dialGeneric()
		if err != nil {
			return err
		}
		_ = c.genl.Close()
		c.genl, c.broken = genl, false
	}
	return c.genl.SetDeadline(time.Now().Add(exchange.AnswerLimit))
}

func dialGeneric() (*genetlink.Conn, error) {
	genl, err := genetlink.Dial(nil)
	if err == nil {
		err = genl.SetDeadline(time.Now().Add(exchange.AnswerLimit))
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
		c.broken = true
		return exchange.FromKernel(err)
	}
	return nil
}

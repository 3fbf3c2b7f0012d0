package nft

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// datagramLimit is the longest datagram that is received. The kernel makes those
// of a dump as long as the longest buffer that it has seen, up to 32 KiB, and walks
// a set anew for each.
const datagramLimit = 64 << 10

// ready is called before each request. After an exchange that failed it opens
// another socket: answers that nobody read may still come over the previous one,
// and would be taken for those to what is asked next.
func (c *Conn) ready() error {
	if !c.broken {
		return nil
	}
	nl, err := dial()
	if err != nil {
		return err
	}
	_ = c.nl.Close()
	c.nl, c.broken = nl, false
	return nil
}

func dial() (*netlink.Conn, error) {
	nl, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("nf_tables netlink: %w", err)
	}
	// Kernels before 4.12 have no extended acknowledgement: errors say less.
	_ = nl.SetOption(netlink.ExtendedAcknowledge, true)
	return nl, nil
}

// send sends messages, all in one piece.
func (c *Conn) send(messages []byte) error {
	if err := c.ready(); err != nil {
		return err
	}
	if err := c.nl.SetDeadline(time.Now().Add(exchange.AnswerLimit)); err != nil {
		return c.failed(err)
	}
	return c.failed(exchange.Send(c.nl, messages))
}

// receive returns the next datagram, which the one after it overwrites.
func (c *Conn) receive() ([]byte, error) {
	if err := c.nl.SetDeadline(time.Now().Add(exchange.AnswerLimit)); err != nil {
		return nil, c.failed(err)
	}
	n, err := exchange.Receive(c.nl, c.datagram)
	return c.datagram[:n], c.failed(err)
}

// ask sends one request and calls each for every object of the answer: one, or with
// NLM_F_DUMP any number.
func (c *Conn) ask(typ uint16, flags netlink.HeaderFlags, family byte, filter []byte, each func(exchange.Message) error) error {
	c.sequence++
	request := appendMessage(nil, unix.NFNL_SUBSYS_NFTABLES<<8|typ, flags, c.sequence, family, 0, filter)
	if err := c.send(request); err != nil {
		return err
	}
	return c.failed(exchange.Each(c.receive, c.sequence, func(m exchange.Message) (last bool, err error) {
		return readAnswer(m, flags&netlink.Dump != 0, each)
	}))
}

// readAnswer reads a message of the answer to the last request. It tells whether that
// was all.
func readAnswer(m exchange.Message, dump bool, each func(exchange.Message) error) (last bool, err error) {
	switch {
	case m.Flags&unix.NLM_F_DUMP_INTR != 0:
		return false, errInterrupted
	case m.Type == unix.NLMSG_ERROR || m.Type == unix.NLMSG_DONE:
		return true, m.Verdict()
	}
	return !dump, each(m)
}

// failed takes note of the error of an exchange, if there is one.
func (c *Conn) failed(err error) error {
	if err == nil {
		return nil
	}
	c.broken = true
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the kernel did not answer within %s", exchange.AnswerLimit)
	}
	return err
}

package nft

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// answerLimit is how long the kernel may take to answer. It works through a
// request before the call that sends it returns, so this only keeps lvsmark from
// waiting for an answer that was lost.
const answerLimit = 30 * time.Second

// ready is called before each request. After an exchange that failed it opens
// another socket: answers that nobody read may still come over the former one,
// and would be taken for those to what is asked next.
func (c *Conn) ready() error {
	if !c.spoiled {
		return nil
	}
	nl, err := dial()
	if err != nil {
		return err
	}
	_ = c.nl.Close()
	c.nl, c.spoiled = nl, false
	return nil
}

func dial() (*netlink.Conn, error) {
	nl, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{MessageBufferSize: dumpBuffer})
	if err != nil {
		return nil, fmt.Errorf("nf_tables netlink: %w", err)
	}
	// Kernels before 4.12 have no extended acknowledgement: errors say less.
	_ = nl.SetOption(netlink.ExtendedAcknowledge, true)
	return nl, nil
}

// ask sends one request and receives all of the answer.
func (c *Conn) ask(request netlink.Message) ([]netlink.Message, error) {
	if err := c.ready(); err != nil {
		return nil, err
	}
	if err := c.nl.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return nil, c.failed(err)
	}
	sent, err := c.nl.Send(request)
	if err != nil {
		return nil, c.failed(err)
	}
	replies, err := c.receive()
	if err != nil {
		return nil, err
	}
	return replies, c.failed(netlink.Validate(sent, replies))
}

// write sends messages that are encoded already, all in one piece.
func (c *Conn) write(messages []byte) error {
	if err := c.nl.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return c.failed(err)
	}
	socket, err := c.nl.SyscallConn()
	if err != nil {
		return c.failed(err)
	}
	var sent error
	err = socket.Write(func(fd uintptr) bool {
		kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
		_, sent = unix.SendmsgN(int(fd), messages, nil, kernel, 0)
		return !errors.Is(sent, unix.EAGAIN) && !errors.Is(sent, unix.EINTR)
	})
	return c.failed(errors.Join(err, sent))
}

// receive receives the answer to the last request, or the next part of it.
func (c *Conn) receive() ([]netlink.Message, error) {
	if err := c.nl.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return nil, c.failed(err)
	}
	replies, err := c.nl.Receive()
	return replies, c.failed(err)
}

// failed takes note of the error of an exchange, if there is one.
func (c *Conn) failed(err error) error {
	if err == nil {
		return nil
	}
	c.spoiled = true
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the kernel did not answer within %s", answerLimit)
	}
	return err
}

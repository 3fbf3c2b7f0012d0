package ipvs

import (
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// ask sends one request, and calls each for every object of the answer, with its
// attributes. A request for a dump is answered by any number of objects, another
// one by one.
func (c *Conn) ask(command uint8, flags uint16, add func([]byte) []byte, each func(attributes []byte) error) error {
	if err := c.send(c.appendMessage(nil, command, flags, add)); err != nil {
		return err
	}
	dump := flags&unix.NLM_F_DUMP != 0
	return c.failed(exchange.Each(c.receive, c.sequence, func(m exchange.Message) (last bool, err error) {
		return c.read(m, dump, each)
	}))
}

// read reads a message of the answer to the last request. It tells whether that
// was all.
func (c *Conn) read(m exchange.Message, dump bool, each func([]byte) error) (last bool, err error) {
	switch {
	case m.Type == c.family:
		attributes, err := attributesOf(m)
		if err == nil {
			err = each(attributes)
		}
		return !dump, err
	case m.Type == unix.NLMSG_DONE && dump:
		return true, m.Verdict()
	case m.Type == unix.NLMSG_ERROR && m.Verdict() != nil:
		return true, m.Verdict()
	}
	return false, exchange.ErrMalformed
}

// A request is one that is answered by no more than whether it was done.
type request struct {
	command uint8
	add     func([]byte) []byte // attributes
}

// tell sends requests in one piece, and returns an error for each that was not
// done, or of which that is not known. The kernel works through all of them in
// order. It answers each that it refuses, and the last.
func (c *Conn) tell(requests ...request) []error {
	var b []byte
	first := c.sequence + 1
	for i, r := range requests {
		flags := uint16(0)
		if i == len(requests)-1 {
			flags = unix.NLM_F_ACK
		}
		b = c.appendMessage(b, r.command, flags, r.add)
	}
	answers := make([]error, len(requests))
	err := c.send(b)
	if err == nil {
		err = c.failed(exchange.Answers(c.receive, first, answers))
	}
	return exchange.Verdicts(answers, err)
}

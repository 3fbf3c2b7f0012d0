package netlink

import (
	"iter"

	"golang.org/x/sys/unix"
)

// Ask sends one request and yields the objects of the answer: one, or with NLM_F_DUMP
// any number. A message is valid until the next one is yielded. The error that the
// package documentation lists is the last that is yielded. The caller may stop early,
// but must not use the Conn inside the loop.
func (c *Conn) Ask(r Request) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		if err := c.ask(r, func(m Message) bool { return yield(m, nil) }); err != nil {
			yield(Message{}, err)
		}
	}
}

func (c *Conn) ask(r Request, yield func(Message) bool) error {
	sequence, err := c.begin(r)
	for last := false; err == nil && !last; {
		var datagram []byte
		if datagram, err = c.next(); err == nil {
			last, err = c.objects(r, sequence, datagram, yield)
		}
	}
	return c.failed(err)
}

// objects yields the objects of a datagram. It tells whether they are the last that the
// caller wants or the kernel has.
func (c *Conn) objects(r Request, sequence uint32, datagram []byte, yield func(Message) bool) (last bool, err error) {
	for m, err := range Messages(datagram) {
		object := false
		if err == nil {
			object, last, err = r.read(m, sequence)
		}
		switch {
		case err != nil:
			return false, err
		case object && !yield(m):
			c.broken = !last // the rest stays unread
			return true, nil
		case last:
			return true, nil
		}
	}
	return false, nil
}

// read tells whether a message is an object of the answer, and whether it is the last
// message.
func (r Request) read(m Message, sequence uint32) (object, last bool, err error) {
	switch {
	case m.Sequence != sequence:
		return false, false, ErrOther
	case m.Flags&unix.NLM_F_DUMP_INTR != 0:
		// The end alone may say so, where the kernel passed over objects and listed
		// none after them.
		return false, false, ErrInterrupted
	case m.Type == unix.NLMSG_DONE && r.isDump():
		return false, true, m.Verdict()
	case m.Type == unix.NLMSG_ERROR && m.Verdict() != nil:
		return false, true, m.Verdict()
	case m.Type < unix.NLMSG_MIN_TYPE: // as an acknowledgement that nobody asked for
		return false, false, ErrMalformed
	}
	return true, !r.isDump(), nil
}

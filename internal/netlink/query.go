package netlink

import (
	"iter"

	"golang.org/x/sys/unix"
)

// Query sends one request and yields the objects of the answer: one object, or any number
// for a request with NLM_F_DUMP. A message is valid until the next one is yielded. An
// error, see the package documentation, is yielded last. The caller may stop early, but
// must not use the Conn inside the loop.
func (c *Conn) Query(r Request) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		if err := c.query(r, func(m Message) bool { return yield(m, nil) }); err != nil {
			yield(Message{}, err)
		}
	}
}

func (c *Conn) query(r Request, yield func(Message) bool) error {
	sequence, err := c.begin(r)
	for last := false; err == nil && !last; {
		var datagram []byte
		if datagram, err = c.next(); err == nil {
			last, err = c.objects(r, sequence, datagram, yield)
		}
	}
	return c.failed(err)
}

// objects yields the objects of a datagram. last reports that the caller stopped or that
// the answer is complete.
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
			c.broken = !last // unread messages remain
			return true, nil
		case last:
			return true, nil
		}
	}
	return false, nil
}

// read checks a message of the answer. It reports whether the message is an object, and
// whether it is the last message.
func (r Request) read(m Message, sequence uint32) (object, last bool, err error) {
	switch {
	case m.Sequence != sequence:
		return false, false, ErrOther
	case m.Flags&unix.NLM_F_DUMP_INTR != 0:
		// The flag may be set in the last message only: the kernel skipped objects and listed
		// none after them.
		return false, false, ErrInterrupted
	case m.Type == unix.NLMSG_DONE && r.isDump():
		return false, true, m.Verdict()
	case m.Type == unix.NLMSG_ERROR && m.Verdict() != nil:
		return false, true, m.Verdict()
	case m.Type < unix.NLMSG_MIN_TYPE: // for example an acknowledgement without NLM_F_ACK
		return false, false, ErrMalformed
	}
	return true, !r.isDump(), nil
}

package netlink

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// BatchLimit is how many requests a caller of [Conn.Tell] should send at once: the
// refusals of all must fit the buffer of a socket.
const BatchLimit = 128

// Tell sends requests that are answered by success or refusal only, in one piece. The
// kernel executes all of them, in order, whatever becomes of the others. Tell returns
// an error for each: nil where it was done, a *KernelError where the kernel refused it.
// Where answers were lost, it is not known whether the requests without a refusal were
// done: the reason of the loss is their error.
func (c *Conn) Tell(requests ...Request) []error {
	answers := make([]error, len(requests))
	if len(requests) == 0 {
		return answers
	}
	requests = slices.Clone(requests)
	requests[len(requests)-1].Flags |= unix.NLM_F_ACK
	first, err := c.begin(requests...)
	if err == nil {
		err = c.failed(c.answers(first, answers))
	}
	if err != nil {
		for i, answer := range answers {
			if answer == nil {
				answers[i] = err
			}
		}
	}
	return answers
}

// answers receives the kernel's answers to requests numbered from first on, each into
// its place: one to each that it refuses, and one to the last. A refusal that did not
// fit the buffer of the socket does not go unnoticed: the kernel lets the next call
// fail with ENOBUFS.
func (c *Conn) answers(first uint32, answers []error) error {
	for {
		datagram, err := c.next()
		if err != nil {
			return err
		}
		for m, err := range Messages(datagram) {
			if err != nil {
				return err
			}
			i := m.Sequence - first // a number before the first wraps to far behind the last
			if m.Type != unix.NLMSG_ERROR || i >= uint32(len(answers)) {
				return ErrOther
			}
			verdict := m.Verdict()
			if errors.Is(verdict, ErrMalformed) {
				return verdict
			}
			answers[i] = verdict
			if i == uint32(len(answers)-1) {
				return nil
			}
		}
	}
}

package netlink

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// BatchLimit is the recommended number of requests for one call of [Conn.Execute]: the
// refusals of all requests must fit the receive buffer of a socket.
const BatchLimit = 128

// Execute sends requests without result objects in one datagram. The kernel executes all
// of them in order, even after a refusal. Execute returns an error for each request: nil
// on success, a *KernelError if the kernel refused it. If answers are lost, it is unknown
// whether the requests without a refusal were executed; their error is the cause of the
// loss.
func (c *Conn) Execute(requests ...Request) []error {
	answers := make([]error, len(requests))
	if len(requests) == 0 {
		return answers
	}
	requests = slices.Clone(requests)
	requests[len(requests)-1].Flags |= unix.NLM_F_ACK
	first, err := c.begin(requests...)
	if err == nil {
		err = c.failed(c.receiveAnswers(first, answers))
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

// receiveAnswers stores the answers to the requests that are numbered from first on. The
// kernel sends one answer to each refused request and one to the last request. If a
// refusal does not fit the receive buffer, the next call fails with ENOBUFS.
func (c *Conn) receiveAnswers(first uint32, answers []error) error {
	for {
		datagram, err := c.next()
		if err != nil {
			return err
		}
		for m, err := range Messages(datagram) {
			if err != nil {
				return err
			}
			i := m.Sequence - first // a number before first wraps around to a large index
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

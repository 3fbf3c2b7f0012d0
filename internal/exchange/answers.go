package exchange

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Each calls each for every message that answers the request of that number, until
// it says that this was the last. receive returns the next datagram.
func Each(receive func() ([]byte, error), sequence uint32, each func(Message) (last bool, err error)) error {
	for {
		datagram, err := receive()
		if err != nil {
			return err
		}
		for m, err := range Messages(datagram) {
			last := false
			switch {
			case err != nil:
			case m.Sequence != sequence:
				err = ErrOther
			default:
				last, err = each(m)
			}
			if err != nil || last {
				return err
			}
		}
	}
}

// Answers receives what the kernel says to requests that went to it in one piece,
// numbered from the first on: it answers each that it refuses, in order, and the
// last, which has to ask for that. answers has a place for each; the others stay
// nil. An answer that did not fit the buffer of the socket is no loss unnoticed: the
// kernel has the next call fail.
func Answers(receive func() ([]byte, error), first uint32, answers []error) error {
	for {
		datagram, err := receive()
		if err != nil {
			return err
		}
		for m, err := range Messages(datagram) {
			if err != nil {
				return err
			}
			i := m.Sequence - first // what is before the first wraps to far behind the last
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

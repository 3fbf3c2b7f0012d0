package exchange

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Answers receives what the kernel says to requests that went to it in one piece,
// numbered from the first on: it answers each that it refuses, in order, and the
// last, which has to ask for that. answers has a place for each; the others stay
// nil. An answer that did not fit the buffer of the socket is no loss unnoticed: the
// kernel has the next call fail.
func Answers(s Socket, buffer []byte, first uint32, answers []error) error {
	for {
		n, err := Receive(s, buffer)
		if err != nil {
			return err
		}
		for m, err := range Messages(buffer[:n]) {
			if err != nil {
				return err
			}
			i := int(m.Sequence - first)
			if m.Type != unix.NLMSG_ERROR || i >= len(answers) {
				return ErrOther
			}
			verdict := m.Verdict()
			if errors.Is(verdict, ErrMalformed) {
				return verdict
			}
			answers[i] = verdict
			if i == len(answers)-1 {
				return nil
			}
		}
	}
}

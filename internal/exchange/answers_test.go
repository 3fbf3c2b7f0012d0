package exchange

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// numbered is a message that answers the request of that number.
func numbered(sequence uint32, b []byte) []byte {
	binary.NativeEndian.PutUint32(b[8:], sequence)
	return b
}

var errEmpty = errors.New("there is no more datagram")

// arriving returns one datagram at a time.
func arriving(datagrams ...[]byte) func() ([]byte, error) {
	return func() ([]byte, error) {
		if len(datagrams) == 0 {
			return nil, errEmpty
		}
		next := datagrams[0]
		datagrams = datagrams[1:]
		return next, nil
	}
}

func verdict(sequence uint32, errno unix.Errno) []byte {
	return numbered(sequence, message(unix.NLMSG_ERROR, 0, refusal(errno)...))
}

// TestAnswers: each answer is its request's; what did not come is told.
func TestAnswers(t *testing.T) {
	const first = ^uint32(0) // numbers wrap
	for name, c := range map[string]struct {
		datagrams [][]byte
		answers   []error
		err       error
	}{
		"all done":          {[][]byte{verdict(1, 0)}, []error{nil, nil, nil}, nil},
		"one refused":       {[][]byte{verdict(0, unix.EEXIST), verdict(1, 0)}, []error{nil, unix.EEXIST, nil}, nil},
		"in one datagram":   {[][]byte{slices.Concat(verdict(first, unix.EPERM), verdict(1, unix.EEXIST))}, []error{unix.EPERM, nil, unix.EEXIST}, nil},
		"the last is lost":  {[][]byte{verdict(0, unix.EEXIST)}, []error{nil, unix.EEXIST, nil}, errEmpty},
		"to none behind":    {[][]byte{verdict(2, 0)}, []error{nil, nil, nil}, ErrOther},
		"to none before":    {[][]byte{verdict(first-1, 0)}, []error{nil, nil, nil}, ErrOther},
		"not a verdict":     {[][]byte{numbered(1, message(unix.RTM_NEWADDR, 0))}, []error{nil, nil, nil}, ErrOther},
		"verdict cut short": {[][]byte{numbered(1, message(unix.NLMSG_ERROR, 0))}, []error{nil, nil, nil}, ErrMalformed},
		"cut short":         {[][]byte{verdict(1, 0)[:10]}, []error{nil, nil, nil}, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			answers := make([]error, 3)
			require.ErrorIs(t, Answers(arriving(c.datagrams...), first, answers), c.err)
			for i, want := range c.answers {
				assert.ErrorIs(t, answers[i], want)
			}
		})
	}
}

// TestEach: messages come to an end, and no other request's is taken for an answer.
func TestEach(t *testing.T) {
	object := numbered(5, message(20, unix.NLM_F_MULTI, 1))
	end := numbered(5, message(unix.NLMSG_DONE, unix.NLM_F_MULTI, 0, 0, 0, 0))
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		datagrams [][]byte
		objects   int
		err       error
	}{
		"in one datagram": {[][]byte{slices.Concat(object, object, end)}, 2, nil},
		"in several":      {[][]byte{object, object, end, object}, 2, nil},
		"without an end":  {[][]byte{object}, 1, errEmpty},
		"another's":       {[][]byte{object, numbered(4, message(20, 0))}, 1, ErrOther},
		"cut short":       {[][]byte{slices.Concat(object, end[:10])}, 1, ErrMalformed},
		"not understood":  {[][]byte{numbered(5, message(21, 0)), end}, 0, broken},
	} {
		t.Run(name, func(t *testing.T) {
			objects := 0
			err := Each(arriving(c.datagrams...), 5, func(m Message) (last bool, err error) {
				switch m.Type {
				case 20:
					objects++
				case 21:
					err = broken
				}
				return m.Type == unix.NLMSG_DONE, err
			})
			require.ErrorIs(t, err, c.err)
			assert.Equal(t, c.objects, objects)
		})
	}
}

package netlink

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestWait: a call that finds the socket not ready is repeated when the poller says so, and is
// interrupted neither by EAGAIN nor by EINTR.
func TestWait(t *testing.T) {
	s := dialed(t, unix.NETLINK_ROUTE, Options{}).transport.(socket)
	*s.sent = time.Now()
	answers := []error{unix.EINTR, unix.EAGAIN, unix.EAGAIN, unix.EINTR, unix.EPERM}
	waits := 0
	wait := func(ready func(uintptr) bool) error {
		for waits = 1; !ready(0); waits++ {
		}
		return nil
	}
	err := s.now(wait, func() error {
		answer := answers[0]
		answers = answers[1:]
		return answer
	})
	require.ErrorIs(t, err, unix.EPERM)
	assert.Empty(t, answers)
	assert.Equal(t, 2, waits)
}

// TestNoAnswer: waiting ends at the limit after the last request, and the socket can be used
// again.
func TestNoAnswer(t *testing.T) {
	c := dialed(t, unix.NETLINK_GENERIC, Options{})
	s := c.transport.(socket)
	*s.sent = time.Now().Add(-AnswerLimit)
	_, err := s.receive(make([]byte, 100))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	_, err = c.Family("nlctrl")
	require.NoError(t, err)
}

// TestAnswerAfterWait: an answer that comes while receive waits is received.
func TestAnswerAfterWait(t *testing.T) {
	c := dialed(t, unix.NETLINK_ROUTE, Options{})
	s := c.transport.(socket)
	*s.sent = time.Now()
	type result struct {
		n   int
		err error
	}
	received := make(chan result)
	go func() {
		n, err := s.receive(make([]byte, 4096))
		received <- result{n, err}
	}()
	request := Request{Type: unix.RTM_GETLINK, Flags: unix.NLM_F_ACK, Header: make([]byte, unix.SizeofIfInfomsg)}
	require.NoError(t, unix.Sendto(s.fd, request.append(nil, 1), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	r := <-received
	require.NoError(t, r.err)
	assert.Positive(t, r.n)
}

package netlink

import (
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// errEmpty reports that the fake kernel has no more datagrams.
var errEmpty = errors.New("no more datagrams")

// A fakeKernel answers requests with its datagrams in order. At most one of its sockets
// is open.
type fakeKernel struct {
	datagrams [][]byte
	received  error // returned by receive after the last datagram; nil: errEmpty
	sent      [][]byte
	opened    int
	open      int
	refuses   error // returned by dial
}

func (k *fakeKernel) dial() (transport, error) {
	if k.refuses != nil {
		return nil, k.refuses
	}
	k.opened++
	k.open++
	return &fakeSocket{k}, nil
}

type fakeSocket struct{ kernel *fakeKernel }

func (s *fakeSocket) send(messages []byte) error {
	s.kernel.sent = append(s.kernel.sent, slices.Clone(messages))
	return nil
}

func (s *fakeSocket) receive(buffer []byte) (int, error) {
	k := s.kernel
	if len(k.datagrams) == 0 && k.received != nil {
		return 0, k.received
	}
	if len(k.datagrams) == 0 {
		return 0, errEmpty
	}
	n := copy(buffer, k.datagrams[0])
	k.datagrams = k.datagrams[1:]
	return n, nil
}

func (s *fakeSocket) reserve(int) error { return nil }

func (s *fakeSocket) deviceName(uint32) string { return "" }

func (s *fakeSocket) Close() error {
	s.kernel.open--
	return nil
}

// connected returns a connection whose last request had that sequence number.
func connected(t *testing.T, k *fakeKernel, sequence uint32) *Conn {
	t.Helper()
	c := newConn(Options{}, k.dial)
	require.NoError(t, c.redial())
	c.sequence = sequence
	return c
}

// numbered sets the sequence number of a message.
func numbered(sequence uint32, b []byte) []byte {
	binary.NativeEndian.PutUint32(b[8:], sequence)
	return b
}

// verdict is the answer to the request with that number; errno 0 means success.
func verdict(sequence uint32, errno unix.Errno) []byte {
	return numbered(sequence, message(unix.NLMSG_ERROR, 0, refusal(errno)...))
}

// TestReopened: after a failure the next request uses a new socket, and unread answers to
// the previous request are not read as answers to it.
func TestReopened(t *testing.T) {
	object := numbered(2, message(20, 0, 1))
	for name, broken := range map[string]fakeKernel{
		"lost":        {},
		"overrun":     {received: unix.ENOBUFS},
		"timeout":     {received: os.ErrDeadlineExceeded},
		"truncated":   {datagrams: [][]byte{object[:9]}},
		"another's":   {datagrams: [][]byte{numbered(1, message(20, 0))}},
		"refused":     {datagrams: [][]byte{verdict(2, unix.EBUSY)}},
		"interrupted": {datagrams: [][]byte{numbered(2, message(20, unix.NLM_F_DUMP_INTR))}},
	} {
		t.Run(name, func(t *testing.T) {
			k := &broken
			c := connected(t, k, 1)
			_, err := collect(c, Request{Type: 20})
			require.Error(t, err)
			assert.Equal(t, 1, k.opened, "only before the next request")

			k.datagrams, k.received = [][]byte{numbered(3, message(20, 0, 1))}, nil
			objects, err := collect(c, Request{Type: 20})
			require.NoError(t, err)
			assert.Len(t, objects, 1)
			assert.Equal(t, 2, k.opened)
			assert.Equal(t, 1, k.open)
			require.NoError(t, c.Close())
			assert.Zero(t, k.open)
		})
	}
}

// TestNotReopened: if no new socket can be opened, the request fails, and the connection
// can still be closed.
func TestNotReopened(t *testing.T) {
	k := &fakeKernel{}
	c := connected(t, k, 1)
	_, err := collect(c, Request{Type: 20})
	require.ErrorIs(t, err, errEmpty)
	k.refuses = unix.EMFILE
	_, err = collect(c, Request{Type: 20})
	require.ErrorIs(t, err, unix.EMFILE)
	require.ErrorIs(t, errors.Join(c.Execute(Request{Type: 20})...), unix.EMFILE)
	_, err = c.Commit([]Request{{Type: 20}})
	require.ErrorIs(t, err, unix.EMFILE)
	require.ErrorIs(t, c.Reserve(1), unix.EMFILE)
	assert.Len(t, k.sent, 1)
	require.NoError(t, c.Close())
	assert.Zero(t, k.open)
}

func TestTimeout(t *testing.T) {
	_, err := collect(connected(t, &fakeKernel{received: os.ErrDeadlineExceeded}, 1), Request{Type: 20})
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	assert.EqualError(t, err, "the kernel did not answer within 30s")
}

// TestRequest: requests are numbered and aligned.
func TestRequest(t *testing.T) {
	k := &fakeKernel{}
	c := connected(t, k, 6)
	c.Execute(
		Request{Type: 20, Flags: unix.NLM_F_CREATE, Header: []byte{1, 2, 3, 4}, Data: []byte{5}},
		Request{Type: 20},
	)
	first := message(20, unix.NLM_F_REQUEST|unix.NLM_F_CREATE, 1, 2, 3, 4, 5)
	last := numbered(8, message(20, unix.NLM_F_REQUEST|unix.NLM_F_ACK))
	assert.Equal(t, [][]byte{slices.Concat(first, last)}, k.sent)
	assert.Equal(t, len(k.sent[0]), Size(Request{Header: make([]byte, 4), Data: make([]byte, 1)}, Request{}))
}

func TestExplain(t *testing.T) {
	other := errors.New("other")
	assert.NoError(t, Explain(nil))
	assert.Equal(t, other, Explain(other))
	assert.Equal(t, unix.EEXIST, Explain(&KernelError{Errno: unix.EEXIST, ExtendedAck: "words"}))
	for _, errno := range []unix.Errno{unix.EPERM, unix.EACCES} {
		err := Explain(&KernelError{Errno: errno})
		require.ErrorIs(t, err, ErrPrivilege)
		require.ErrorIs(t, err, errno)
	}
}

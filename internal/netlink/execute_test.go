package netlink

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestExecute: each answer is returned for its request. If answers are lost, no request
// counts as executed, and the next request uses a new socket.
func TestExecute(t *testing.T) {
	const first = ^uint32(0) // numbers wrap
	lost := func(err error) []error { return []error{err, err, err} }
	for name, c := range map[string]struct {
		datagrams [][]byte
		answers   []error
		broken    bool
	}{
		"all done":          {[][]byte{verdict(1, 0)}, []error{nil, nil, nil}, false},
		"one refused":       {[][]byte{verdict(0, unix.EEXIST), verdict(1, 0)}, []error{nil, unix.EEXIST, nil}, false},
		"in one datagram":   {[][]byte{slices.Concat(verdict(first, unix.EPERM), verdict(1, unix.EEXIST))}, []error{unix.EPERM, nil, unix.EEXIST}, false},
		"the last is lost":  {[][]byte{verdict(0, unix.EEXIST)}, []error{errEmpty, unix.EEXIST, errEmpty}, true},
		"number too high":   {[][]byte{verdict(2, 0)}, lost(ErrOther), true},
		"number too low":    {[][]byte{verdict(first-1, 0)}, lost(ErrOther), true},
		"not a verdict":     {[][]byte{numbered(1, message(unix.RTM_NEWADDR, 0))}, lost(ErrOther), true},
		"verdict truncated": {[][]byte{numbered(1, message(unix.NLMSG_ERROR, 0))}, lost(ErrMalformed), true},
		"truncated":         {[][]byte{verdict(1, 0)[:10]}, lost(ErrMalformed), true},
	} {
		t.Run(name, func(t *testing.T) {
			conn := connected(t, &fakeKernel{datagrams: c.datagrams}, first-1)
			answers := conn.Execute(make([]Request, 3)...)
			require.Len(t, answers, 3)
			for i, want := range c.answers {
				assert.ErrorIs(t, answers[i], want)
			}
			assert.Equal(t, c.broken, conn.broken)
		})
	}
	assert.Empty(t, connected(t, &fakeKernel{}, 0).Execute())
}

// TestCommit: a transaction ends with the answer to the last request with NLM_F_ACK, or
// with the first refusal.
func TestCommit(t *testing.T) {
	for name, c := range map[string]struct {
		datagrams [][]byte
		refused   int
		err       error
	}{
		"done":             {[][]byte{verdict(8, 0)}, -1, nil},
		"one refused":      {[][]byte{slices.Concat(verdict(7, unix.EEXIST), verdict(8, 0))}, 1, unix.EEXIST},
		"first of two":     {[][]byte{verdict(8, unix.EEXIST), verdict(6, unix.EPERM)}, 2, unix.EEXIST},
		"begin refused":    {[][]byte{verdict(6, unix.ERESTART)}, 0, unix.ERESTART},
		"another's":        {[][]byte{verdict(5, unix.EPERM)}, -1, unix.EPERM},
		"answer lost":      {nil, -1, errEmpty},
		"answer truncated": {[][]byte{verdict(8, 0)[:17]}, -1, ErrMalformed},
		"without an errno": {[][]byte{numbered(8, message(unix.NLMSG_ERROR, 0))}, 2, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			conn := connected(t, &fakeKernel{datagrams: c.datagrams}, 5)
			refused, err := conn.Commit([]Request{{}, {}, {Flags: unix.NLM_F_ACK}, {}})
			require.ErrorIs(t, err, c.err)
			assert.Equal(t, c.refused, refused)
			assert.Equal(t, c.err != nil, conn.broken)
		})
	}
}

package netlink

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// collect returns the content of the objects of an answer.
func collect(c *Conn, r Request) (objects [][]byte, err error) {
	for m, err := range c.Query(r) {
		if err != nil {
			return objects, err
		}
		objects = append(objects, slices.Clone(m.Data))
	}
	return objects, nil
}

// TestQueryDump: a dump yields all its objects or an error. Answers to other requests are
// not yielded.
func TestQueryDump(t *testing.T) {
	object := func() []byte { return numbered(5, message(20, unix.NLM_F_MULTI, 1, 0, 0, 0)) }
	end := func(errno unix.Errno) []byte {
		return numbered(5, message(unix.NLMSG_DONE, unix.NLM_F_MULTI, refusal(errno)...))
	}
	interrupted := func(b []byte) []byte {
		b[6] |= unix.NLM_F_DUMP_INTR
		return b
	}
	for name, c := range map[string]struct {
		datagrams [][]byte
		objects   int
		err       error
	}{
		"in one datagram":        {[][]byte{slices.Concat(object(), object(), end(0))}, 2, nil},
		"in several":             {[][]byte{object(), object(), end(0), object()}, 2, nil},
		"of nothing":             {[][]byte{end(0)}, 0, nil},
		"without an end":         {[][]byte{object()}, 1, errEmpty},
		"failed":                 {[][]byte{slices.Concat(object(), end(unix.ENOMEM))}, 1, unix.ENOMEM},
		"refused":                {[][]byte{verdict(5, unix.EPERM)}, 0, unix.EPERM},
		"end truncated":          {[][]byte{slices.Concat(object(), end(0)[:10])}, 1, ErrMalformed},
		"end without errno":      {[][]byte{numbered(5, message(unix.NLMSG_DONE, unix.NLM_F_MULTI))}, 0, ErrMalformed},
		"interrupted":            {[][]byte{slices.Concat(object(), interrupted(object()), end(0))}, 1, ErrInterrupted},
		"interrupted at its end": {[][]byte{slices.Concat(object(), interrupted(end(0)))}, 1, ErrInterrupted},
		"another's object":       {[][]byte{object(), numbered(4, object())}, 1, ErrOther},
		"another's refusal":      {[][]byte{verdict(4, unix.EPERM)}, 0, ErrOther},
		"acknowledged":           {[][]byte{verdict(5, 0)}, 0, ErrMalformed},
		"overrun":                {[][]byte{numbered(5, message(unix.NLMSG_OVERRUN, 0))}, 0, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := collect(connected(t, &fakeKernel{datagrams: c.datagrams}, 4), Request{Type: 20, Flags: unix.NLM_F_DUMP})
			require.ErrorIs(t, err, c.err)
			assert.Len(t, objects, c.objects)
		})
	}
}

// TestQueryObject: the answer to a request without NLM_F_DUMP is one object. NLM_F_EXCL is
// one of the two bits of NLM_F_DUMP.
func TestQueryObject(t *testing.T) {
	for name, c := range map[string]struct {
		answer []byte
		err    error
	}{
		"object":        {numbered(5, message(20, 0, 1)), nil},
		"refused":       {verdict(5, unix.ESRCH), unix.ESRCH},
		"end of a dump": {numbered(5, message(unix.NLMSG_DONE, 0, refusal(0)...)), ErrMalformed},
		"acknowledged":  {verdict(5, 0), ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			conn := connected(t, &fakeKernel{datagrams: [][]byte{c.answer}}, 4)
			objects, err := collect(conn, Request{Type: 20, Flags: unix.NLM_F_CREATE | unix.NLM_F_EXCL | unix.NLM_F_ECHO})
			require.ErrorIs(t, err, c.err)
			assert.Equal(t, c.err == nil, len(objects) == 1)
		})
	}
}

// TestQueryStopped: if the caller stops before the end of a dump, the next request uses a
// new socket, because unread messages remain. After the last object none remain.
func TestQueryStopped(t *testing.T) {
	for flags, opened := range map[uint16]int{unix.NLM_F_DUMP: 2, 0: 1} {
		k := &fakeKernel{datagrams: [][]byte{numbered(5, message(20, 0)), numbered(6, message(20, 0))}}
		c := connected(t, k, 4)
		for m, err := range c.Query(Request{Type: 20, Flags: flags}) {
			require.NoError(t, err)
			assert.Equal(t, uint32(5), m.Sequence)
			break
		}
		_, err := collect(c, Request{Type: 20})
		require.NoError(t, err)
		assert.Equal(t, opened, k.opened)
	}
}

// TestFamily reads the number of a generic netlink family.
func TestFamily(t *testing.T) {
	family := func(attributes []byte) []byte {
		return numbered(5, message(unix.GENL_ID_CTRL, 0, append(GenericHeader(1, 2), attributes...)...))
	}
	id := AppendUint16(AppendText(nil, unix.CTRL_ATTR_FAMILY_NAME, "IPVS"), unix.CTRL_ATTR_FAMILY_ID, 33)
	for name, c := range map[string]struct {
		answer []byte
		id     uint16
		err    error
	}{
		"found":     {family(id), 33, nil},
		"not found": {verdict(5, unix.ENOENT), 0, unix.ENOENT},
		"no id":     {family(nil), 0, ErrMalformed},
		"truncated": {family(id[:len(id)-4]), 0, ErrMalformed},
		"no header": {numbered(5, message(unix.GENL_ID_CTRL, 0)), 0, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			k := &fakeKernel{datagrams: [][]byte{c.answer}}
			id, err := connected(t, k, 4).Family("IPVS")
			require.ErrorIs(t, err, c.err)
			assert.Equal(t, c.id, id)
			want := message(unix.GENL_ID_CTRL, unix.NLM_F_REQUEST, append(GenericHeader(3, 1), 9, 0, 2, 0, 'I', 'P', 'V', 'S', 0, 0, 0, 0)...)
			assert.Equal(t, [][]byte{numbered(5, want)}, k.sent)
		})
	}
}

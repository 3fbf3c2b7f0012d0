package netlink

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/scratch"
)

// dialed returns a connection that is closed when the test ends.
func dialed(t *testing.T, protocol int, options Options) *Conn {
	t.Helper()
	c, err := Dial(protocol, options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

// TestFamilyOfKernel reads the family of the controller, which exists in each kernel. A
// refusal does not break the connection.
func TestFamilyOfKernel(t *testing.T) {
	c := dialed(t, unix.NETLINK_GENERIC, Options{ExtendedAck: true})
	for range 2 {
		_, err := c.Family("no such one")
		require.ErrorIs(t, err, unix.ENOENT)
		id, err := c.Family("nlctrl")
		require.NoError(t, err)
		assert.Equal(t, uint16(unix.GENL_ID_CTRL), id)
	}
}

// TestShortBuffer: a datagram longer than the buffer is an error, and its rest is not read
// as the answer to the next request.
func TestShortBuffer(t *testing.T) {
	c := dialed(t, unix.NETLINK_GENERIC, Options{DatagramLimit: 48})
	for range 2 {
		_, err := c.Family("nlctrl")
		require.ErrorIs(t, err, ErrMalformed)
	}
}

// TestReserve: the kernel does not report that it sets a smaller buffer than requested.
func TestReserve(t *testing.T) {
	scratch.Do(t, func() {
		const length = 64 << 20 // more than any net.core.wmem_max
		c := dialed(t, unix.NETLINK_ROUTE, Options{})
		require.NoError(t, c.Reserve(length))
		have, err := c.transport.(socket).WriteBuffer()
		require.NoError(t, err)
		assert.GreaterOrEqual(t, have, length)

		scratch.DropPrivileges(t)
		c = dialed(t, unix.NETLINK_ROUTE, Options{})
		require.NoError(t, c.Reserve(1))
		assert.ErrorContains(t, c.Reserve(length), "net.core.wmem_max")
	})
}

func TestDialUnknownProtocol(t *testing.T) {
	_, err := Dial(63, Options{})
	assert.Error(t, err)
}

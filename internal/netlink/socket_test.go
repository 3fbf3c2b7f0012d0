package netlink

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/scratch"
)

// dialed connects to the kernel until the test ends.
func dialed(t *testing.T, protocol int, options Options) *Conn {
	t.Helper()
	c, err := Dial(protocol, options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

// TestFamilyOfKernel asks for the family of the controller itself, which each kernel has.
// A refusal breaks nothing.
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

// TestShortBuffer: a datagram that does not fit is not taken for a shorter one, and what
// was cut off is not taken for the answer to the next request.
func TestShortBuffer(t *testing.T) {
	c := dialed(t, unix.NETLINK_GENERIC, Options{DatagramLimit: 48})
	for range 2 {
		_, err := c.Family("nlctrl")
		require.ErrorIs(t, err, ErrMalformed)
	}
}

// TestReserve: the kernel does not say that it grants less than it was asked for.
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

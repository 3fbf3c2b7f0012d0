package ipvs

import (
	"net/netip"
	"testing"

	"github.com/mdlayher/netlink"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// dumped is a message of a dump.
func dumped(t testing.TB, typ netlink.HeaderType, flags netlink.HeaderFlags, data ...byte) []byte {
	t.Helper()
	header := netlink.Header{Length: uint32(unix.NLMSG_HDRLEN + len(data)), Type: typ, Flags: netlink.Multi | flags, Sequence: dumpSequence}
	b, err := netlink.Message{Header: header, Data: data}.MarshalBinary()
	require.NoError(t, err)
	return b
}

// anAddress is 198.51.100.21/32 of ours, on the device with index 3.
func anAddress(t testing.TB, flags netlink.HeaderFlags) []byte {
	t.Helper()
	return dumped(t, unix.RTM_NEWADDR, flags,
		unix.AF_INET, 32, 0, 0, 3, 0, 0, 0,
		8, 0, unix.IFA_LOCAL, 0, 198, 51, 100, 21,
		5, 0, ifaProto, 0, AddressProtocol, 0, 0, 0)
}

// TestAppendAddresses: an interrupted dump is told, wherever the kernel says so.
func TestAppendAddresses(t *testing.T) {
	const interrupted = netlink.DumpInterrupted
	good, end := anAddress(t, 0), []byte{0, 0, 0, 0}
	all, last, err := appendAddresses(nil, good)
	require.NoError(t, err)
	assert.False(t, last)
	all, last, err = appendAddresses(all, append(good, dumped(t, unix.NLMSG_DONE, 0, end...)...))
	require.NoError(t, err)
	assert.True(t, last)
	require.Len(t, all, 2)
	assert.Equal(t, kernelAddress{3, netip.MustParseAddr("198.51.100.21"), 32, AddressProtocol}, all[0])

	refused := -int32(unix.EPERM)
	for name, c := range map[string]struct {
		datagram []byte
		want     error
	}{
		"an address": {anAddress(t, interrupted), errInterrupted},
		"the end":    {dumped(t, unix.NLMSG_DONE, interrupted, end...), errInterrupted},
		"refused":    {dumped(t, unix.NLMSG_ERROR, 0, byte(refused), byte(refused>>8), byte(refused>>16), byte(refused>>24)), unix.EPERM},
		"another":    {dumped(t, unix.RTM_NEWROUTE, 0, end...), exchange.ErrMalformed},
		"cut":        {good[:len(good)-4], exchange.ErrMalformed},
	} {
		_, _, err := appendAddresses(nil, c.datagram)
		require.ErrorIs(t, err, c.want, name)
	}
}

// FuzzAppendAddresses looks for datagrams on which reading falls over.
func FuzzAppendAddresses(f *testing.F) {
	f.Add(anAddress(f, 0))
	f.Add(dumped(f, unix.NLMSG_DONE, 0, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		all, _, err := appendAddresses(nil, datagram)
		if err == nil {
			assert.LessOrEqual(t, len(all), len(datagram)/(unix.NLMSG_HDRLEN+ifaHeader))
		}
	})
}

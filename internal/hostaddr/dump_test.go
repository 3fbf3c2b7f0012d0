package hostaddr

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// anAddress is 198.51.100.21/32 of ours, on the device with index 3, as the kernel
// sends it.
func anAddress() []byte {
	return []byte{
		unix.AF_INET, 32, 0, 0, 3, 0, 0, 0,
		8, 0, unix.IFA_LOCAL, 0, 198, 51, 100, 21,
		5, 0, ifaProto, 0, Protocol, 0, 0, 0,
	}
}

// TestAddressDump: an interrupted dump is told, wherever the kernel says so.
func TestAddressDump(t *testing.T) {
	end := []byte{0, 0, 0, 0}
	var dump addressDump
	last, err := dump.read(exchange.Message{Type: unix.RTM_NEWADDR, Data: anAddress()})
	require.NoError(t, err)
	assert.False(t, last)
	last, err = dump.read(exchange.Message{Type: unix.NLMSG_DONE, Data: end})
	require.NoError(t, err)
	assert.True(t, last)
	assert.Equal(t, addressDump{{3, netip.MustParseAddr("198.51.100.21"), 32, Protocol}}, dump)

	for _, c := range []struct {
		message exchange.Message
		want    error
	}{
		{exchange.Message{Type: unix.RTM_NEWADDR, Flags: unix.NLM_F_DUMP_INTR, Data: anAddress()}, errInterrupted},
		{exchange.Message{Type: unix.NLMSG_DONE, Flags: unix.NLM_F_DUMP_INTR, Data: end}, errInterrupted},
		{exchange.Message{Type: unix.NLMSG_DONE, Data: []byte{0xff, 0xff, 0xff, 0xff}}, unix.EPERM},
		{exchange.Message{Type: unix.RTM_NEWROUTE, Data: anAddress()}, exchange.ErrMalformed},
	} {
		_, err := dump.read(c.message)
		require.ErrorIs(t, err, c.want)
	}
}

// FuzzDecodeIfaddr looks for addresses on which reading falls over.
func FuzzDecodeIfaddr(f *testing.F) {
	f.Add(anAddress())
	f.Add(anAddress()[:ifaHeader])
	encoded, err := encodeAddress(1, netip.MustParseAddr("2001:db8::21"))
	require.NoError(f, err)
	f.Add(encoded)
	f.Fuzz(func(t *testing.T, data []byte) {
		address, err := decodeIfaddr(data)
		if err == nil && address.local.IsValid() {
			assert.Contains(t, []int{32, 128}, address.local.BitLen())
		}
	})
}

package hostaddr

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// addressMessage is a message of the kernel: 198.51.100.21/32 with Protocol on the device
// with index 3.
func addressMessage() []byte {
	return []byte{
		unix.AF_INET, 32, 0, 0, 3, 0, 0, 0,
		8, 0, unix.IFA_LOCAL, 0, 198, 51, 100, 21,
		5, 0, ifaProto, 0, Protocol, 0, 0, 0,
	}
}

func TestDecodeMessage(t *testing.T) {
	address, err := decodeMessage(netlink.Message{Type: unix.RTM_NEWADDR, Data: addressMessage()})
	require.NoError(t, err)
	assert.Equal(t, kernelAddress{device: 3, local: netip.MustParseAddr("198.51.100.21"), prefix: 32, protocol: Protocol, valid: forever}, address)

	for _, m := range []netlink.Message{
		{Type: unix.RTM_NEWROUTE, Data: addressMessage()},
		{Type: unix.RTM_NEWADDR, Data: addressMessage()[:7]},
		{Type: unix.RTM_NEWADDR, Data: addressMessage()[:10]},
	} {
		_, err := decodeMessage(m)
		require.ErrorIs(t, err, netlink.ErrMalformed)
	}
}

// TestEncodeAddress: the request of "ip address add 2001:db8::21/128 dev DEVICE nodad
// preferred_lft 0 proto 76", apart from the order of attributes.
func TestEncodeAddress(t *testing.T) {
	request := encodeAddress(3, netip.MustParseAddr("2001:db8::21"), forever)
	assert.Equal(t, []byte{unix.AF_INET6, 128, 0, 0, 3, 0, 0, 0}, request.Header)
	ip := []byte{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x21}
	assert.Equal(t, slices.Concat(
		[]byte{20, 0, unix.IFA_LOCAL, 0}, ip,
		[]byte{20, 0, unix.IFA_ADDRESS, 0}, ip,
		[]byte{5, 0, ifaProto, 0, Protocol, 0, 0, 0},
		[]byte{8, 0, unix.IFA_FLAGS, 0, 2, 0, 0, 0},
		[]byte{20, 0, unix.IFA_CACHEINFO, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0},
	), request.Data)
}

// FuzzDecodeMessage: decoding any bytes does not panic.
func FuzzDecodeMessage(f *testing.F) {
	f.Add(addressMessage())
	f.Add(addressMessage()[:unix.SizeofIfAddrmsg])
	request := encodeAddress(1, netip.MustParseAddr("2001:db8::21"), forever)
	f.Add(slices.Concat(request.Header, request.Data))
	f.Fuzz(func(t *testing.T, data []byte) {
		address, err := decodeMessage(netlink.Message{Type: unix.RTM_NEWADDR, Data: data})
		if err == nil && address.local.IsValid() {
			assert.Contains(t, []int{32, 128}, address.local.BitLen())
		}
	})
}

package ipvs

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/exchange"
)

func TestDestinationRoundTrip(t *testing.T) {
	for _, address := range []string{"10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", "::"} {
		for _, server := range []Destination{
			{},
			{Port: 1, Weight: 65535, Forwarding: config.Direct},
			{Port: 65535, Weight: math.MaxInt32, Forwarding: config.Tunnel, Encapsulation: Encapsulation{Type: 1, Port: 6080, Flags: 2}},
			{RawForwarding: 1, UpperThreshold: math.MaxUint32, LowerThreshold: 1},
		} {
			server.Address = netip.MustParseAddr(address)
			decoded, err := decodeDestination(appendDestination(nil, server), Key{Mark: 1, Family: config.IPv4})
			require.NoError(t, err)
			assert.Equal(t, server, decoded)
		}
	}
}

// In IPv4 a netmask travels in network byte order, in IPv6 as a length.
func TestNetmaskRoundTrip(t *testing.T) {
	for _, family := range config.Families() {
		for length := range family.Bits() + 1 {
			want := Service{Key: Key{Mark: 1, Family: family}, Netmask: length}
			got := Service{Key: want.Key}
			got.setNetmask(want.netmaskToKernel())
			require.Equal(t, want, got)
		}
	}
	odd := Service{Key: Key{Mark: 1, Family: config.IPv4}, RawNetmask: 0x00ffffff}
	got := Service{Key: odd.Key}
	got.setNetmask(odd.netmaskToKernel())
	assert.Equal(t, odd, got)
}

// Whatever bytes come, decoding ends without a panic.
func FuzzDecode(f *testing.F) {
	f.Add(appendService(nil, Service{Key: Key{Mark: 21, Family: config.IPv6}, Scheduler: "wlc", Persistence: time.Minute, Netmask: 64}))
	f.Add(appendDestination(nil, Destination{Address: netip.MustParseAddr("10.0.0.1"), Encapsulation: Encapsulation{Type: 1}}))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = decodeService(data)
		_, _ = decodeDestination(data, Key{Mark: 1, Family: config.IPv4})
		for m := range exchange.Messages(data) {
			_ = m.Verdict()
		}
	})
}

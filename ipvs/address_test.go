package ipvs

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// listed returns a service as the kernel lists it.
func listed(add func([]byte) []byte) *fakeService {
	attributes := netlink.AppendNested(nil, attrService, add)
	_, outer, _ := netlink.FirstAttribute(attributes)
	return &fakeService{key: keyIn(outer), attributes: attributes}
}

// addressService returns a service that is keyed by an address. The kernel lists an address
// with 16 bytes in both families.
func addressService(protocol uint16, family uint16, address string, port uint16) *fakeService {
	return listed(func(b []byte) []byte {
		b = netlink.AppendUint16(b, serviceAF, family)
		b = netlink.AppendUint16(b, serviceProtocol, protocol)
		bytes := make([]byte, 16)
		copy(bytes, netip.MustParseAddr(address).AsSlice())
		b = netlink.AppendAttribute(b, serviceAddress, bytes)
		b = netlink.AppendBigEndian16(b, servicePort, port)
		return netlink.AppendText(b, serviceScheduler, "rr")
	})
}

// TestAddressServices: services that are keyed by an address are read sorted by protocol and
// address, with their sorted real servers; those keyed by a mark are excluded.
func TestAddressServices(t *testing.T) {
	marked := listed(func(b []byte) []byte {
		return netlink.AppendUint32(netlink.AppendUint16(b, serviceAF, unix.AF_INET), serviceMark, 5)
	})
	kernel := &fakeIPVS{services: []*fakeService{
		addressService(unix.IPPROTO_UDP, unix.AF_INET, "192.0.2.1", 53),
		addressService(unix.IPPROTO_TCP, unix.AF_INET6, "2001:db8::1", 21), marked,
		addressService(unix.IPPROTO_TCP, unix.AF_INET, "192.0.2.1", 0x0102),
		addressService(unix.IPPROTO_TCP, unix.AF_INET, "192.0.2.1", 0),
	}}
	conn := kernel.conn(t)
	low, high := Destination{Address: netip.MustParseAddr("10.0.0.1"), Port: 9, Weight: 1}, Destination{Address: netip.MustParseAddr("10.0.0.1"), Port: 21, Weight: 2}
	for _, d := range []Destination{low, high} {
		attributes := appendDestination(nil, d)
		kernel.services[0].destinations = append(kernel.services[0].destinations, fakeDestination{attributes: attributes})
		kernel.services[0].destinations = append(kernel.services[0].destinations[1:], kernel.services[0].destinations[0])
	}
	services, err := conn.AddressServices()
	require.NoError(t, err)
	var keys []string
	for _, s := range services {
		keys = append(keys, s.Protocol.String()+" "+s.Address.String()+" "+s.Family.String()+" "+s.SchedName)
	}
	assert.Equal(t, []string{
		"tcp 192.0.2.1:0 IPv4 rr", "tcp 192.0.2.1:258 IPv4 rr", "tcp [2001:db8::1]:21 IPv6 rr", "udp 192.0.2.1:53 IPv4 rr",
	}, keys)
	assert.Equal(t, []Destination{low, high}, services[3].Destinations)
	assert.Equal(t, config.UDP, services[3].Protocol)
	assert.Empty(t, services[0].Destinations)
}

// TestAddressServicesErrors: an undecodable service and the kernel's refusal to list real
// servers are errors.
func TestAddressServicesErrors(t *testing.T) {
	kernel := &fakeIPVS{services: []*fakeService{listed(func(b []byte) []byte {
		b = netlink.AppendUint16(b, serviceAF, unix.AF_INET)
		return netlink.AppendUint32(b, servicePort, 21)
	})}}
	_, err := kernel.conn(t).AddressServices()
	require.ErrorIs(t, err, netlink.ErrMalformed)

	kernel = &fakeIPVS{services: []*fakeService{addressService(unix.IPPROTO_TCP, unix.AF_INET, "192.0.2.1", 21)}}
	conn := kernel.conn(t)
	kernel.answered = func(m netlink.Message) *netlink.Answer {
		if m.Data[0] == cmdGetDest {
			return &netlink.Answer{Errno: unix.EBUSY}
		}
		return nil
	}
	_, err = conn.AddressServices()
	require.EqualError(t, err, "list IPVS services: device or resource busy")
}

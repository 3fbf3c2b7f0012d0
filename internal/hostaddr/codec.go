package hostaddr

import (
	"encoding/binary"
	"math"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// ifaProto is IFA_PROTO of linux/if_addr.h, missing in golang.org/x/sys/unix.
const ifaProto = 11

// A kernelAddress is an address of rtnetlink(7).
type kernelAddress struct {
	device   uint32 // index
	local    netip.Addr
	prefix   uint8
	protocol uint8
	flags    uint32 // IFA_F_*
	valid    uint32 // remaining lifetime in seconds; forever: permanent
	route    bool   // a local route to the network; see route.go
}

// forever is INFINITY_LIFE_TIME of the kernel's net/addrconf.h.
const forever = math.MaxUint32

// encodeAddress encodes a host address with Protocol and a lifetime in seconds. An IPv6
// address is deprecated from the start (RFC 4862, 5.5.4): it serves clients, but the kernel
// does not choose it as the source of the director's own or masqueraded connections.
func encodeAddress(device uint32, ip netip.Addr, valid uint32) netlink.Request {
	// struct ifaddrmsg: family, prefix length, flags and scope, one byte each, and the
	// device in host byte order.
	header := []byte{family(ip), uint8(ip.BitLen()), 0, unix.RT_SCOPE_UNIVERSE}
	header = binary.NativeEndian.AppendUint32(header, device)

	b := netlink.AppendAttribute(nil, unix.IFA_LOCAL, ip.AsSlice())
	b = netlink.AppendAttribute(b, unix.IFA_ADDRESS, ip.AsSlice())
	b = netlink.AppendUint8(b, ifaProto, Protocol)
	preferred := valid
	if ip.Is6() {
		b = netlink.AppendUint32(b, unix.IFA_FLAGS, unix.IFA_F_NODAD)
		preferred = 0
	}
	return netlink.Request{Header: header, Data: appendLifetimes(b, preferred, valid)}
}

// appendLifetimes appends struct ifa_cacheinfo: preferred and valid lifetime in seconds,
// then two timestamps that the kernel sets.
func appendLifetimes(b []byte, preferred, valid uint32) []byte {
	lifetimes := make([]byte, unix.SizeofIfaCacheinfo)
	binary.NativeEndian.PutUint32(lifetimes, preferred)
	binary.NativeEndian.PutUint32(lifetimes[4:], valid)
	return netlink.AppendAttribute(b, unix.IFA_CACHEINFO, lifetimes)
}

// family is the address family of struct ifaddrmsg.
func family(ip netip.Addr) uint8 {
	if ip.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// decodeMessage decodes an RTM_NEWADDR message. The local address is invalid if the family
// is neither IPv4 nor IPv6.
func decodeMessage(m netlink.Message) (kernelAddress, error) {
	attributes, err := m.Attributes(unix.SizeofIfAddrmsg)
	if err != nil || m.Type != unix.RTM_NEWADDR {
		return kernelAddress{}, netlink.ErrMalformed
	}
	address := kernelAddress{
		prefix: m.Data[1], flags: uint32(m.Data[2]), valid: forever,
		device: binary.NativeEndian.Uint32(m.Data[4:]),
	}
	if m.Data[0] != unix.AF_INET && m.Data[0] != unix.AF_INET6 {
		return address, nil
	}
	var local, peer []byte
	d := netlink.Decode(attributes)
	for d.Next() {
		switch d.Type() {
		case unix.IFA_LOCAL:
			local = d.Bytes()
		case unix.IFA_ADDRESS: // the peer's address on a point-to-point link
			peer = d.Bytes()
		case unix.IFA_FLAGS: // all flags; those of the header have only 8 bits
			address.flags = d.Uint32()
		case unix.IFA_CACHEINFO:
			if lifetimes := d.Bytes(); len(lifetimes) >= 8 {
				address.valid = binary.NativeEndian.Uint32(lifetimes[4:])
			}
		case ifaProto:
			address.protocol = d.Uint8()
		}
	}
	if local == nil {
		local = peer
	}
	address.local, _ = netip.AddrFromSlice(local)
	return address, d.Err()
}

package hostaddr

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ifaProto is IFA_PROTO of linux/if_addr.h.
const ifaProto = 11

// ifaHeader is the length of struct ifaddrmsg: family, prefix length, flags and
// scope of a byte each, and the device's index in host byte order.
const ifaHeader = 8

// A kernelAddress is an address in the terms of rtnetlink(7).
type kernelAddress struct {
	device   uint32 // index
	local    netip.Addr
	prefix   uint8
	protocol uint8
}

// encodeAddress is a host address of ours, permanent. An IPv6 one is deprecated
// from the start (RFC 4862, 5.5.4): it serves clients, but the director does not
// choose it as the source of connections of its own, nor masquerade with it.
func encodeAddress(device uint32, ip netip.Addr) ([]byte, error) {
	header := make([]byte, ifaHeader)
	header[0] = family(ip)
	header[1] = uint8(ip.BitLen())
	header[3] = unix.RT_SCOPE_UNIVERSE
	binary.NativeEndian.PutUint32(header[4:], device)

	ae := netlink.NewAttributeEncoder()
	ae.Bytes(unix.IFA_LOCAL, ip.AsSlice())
	ae.Bytes(unix.IFA_ADDRESS, ip.AsSlice())
	ae.Uint8(ifaProto, Protocol)
	if ip.Is6() {
		ae.Uint32(unix.IFA_FLAGS, unix.IFA_F_NODAD)
		// struct ifa_cacheinfo: preferred, valid (seconds; all ones: forever),
		// then two times that only the kernel sets.
		lifetimes := make([]byte, 16)
		binary.NativeEndian.PutUint32(lifetimes[4:], math.MaxUint32)
		ae.Bytes(unix.IFA_CACHEINFO, lifetimes)
	}
	attributes, err := ae.Encode()
	return append(header, attributes...), err
}

// family is that of struct ifaddrmsg.
func family(ip netip.Addr) uint8 {
	if ip.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// decodeIfaddr reads an RTM_NEWADDR message. The local address is invalid when
// it is of neither IP family.
func decodeIfaddr(data []byte) (kernelAddress, error) {
	if len(data) < ifaHeader {
		return kernelAddress{}, errors.New("the kernel sent an address that is too short")
	}
	address := kernelAddress{prefix: data[1], device: binary.NativeEndian.Uint32(data[4:])}
	if data[0] != unix.AF_INET && data[0] != unix.AF_INET6 {
		return address, nil
	}
	ad, err := netlink.NewAttributeDecoder(data[ifaHeader:])
	if err != nil {
		return address, err
	}
	var local, peer []byte
	for ad.Next() {
		switch ad.Type() {
		case unix.IFA_LOCAL:
			local = ad.Bytes()
		case unix.IFA_ADDRESS: // the other end's on a point-to-point link
			peer = ad.Bytes()
		case ifaProto:
			address.protocol = ad.Uint8()
		}
	}
	if local == nil {
		local = peer
	}
	address.local, _ = netip.AddrFromSlice(local)
	return address, ad.Err()
}

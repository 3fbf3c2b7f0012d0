package hostaddr

import (
	"encoding/binary"
	"math"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// ifaProto is IFA_PROTO of linux/if_addr.h, which golang.org/x/sys/unix lacks.
const ifaProto = 11

// A kernelAddress is an address in the terms of rtnetlink(7).
type kernelAddress struct {
	device   uint32 // index
	local    netip.Addr
	prefix   uint8
	protocol uint8
}

// encodeAddress is a host address of ours, permanent. An IPv6 one is deprecated from the
// start (RFC 4862, 5.5.4): it serves clients, but the director does not choose it as the
// source of its own connections, nor masquerades with it.
func encodeAddress(device uint32, ip netip.Addr) netlink.Request {
	// struct ifaddrmsg: family, prefix length, flags and scope of a byte each, and the
	// device in host byte order.
	header := []byte{family(ip), uint8(ip.BitLen()), 0, unix.RT_SCOPE_UNIVERSE}
	header = binary.NativeEndian.AppendUint32(header, device)

	b := netlink.AppendAttribute(nil, unix.IFA_LOCAL, ip.AsSlice())
	b = netlink.AppendAttribute(b, unix.IFA_ADDRESS, ip.AsSlice())
	b = netlink.AppendUint8(b, ifaProto, Protocol)
	if ip.Is6() {
		b = netlink.AppendUint32(b, unix.IFA_FLAGS, unix.IFA_F_NODAD)
		// struct ifa_cacheinfo: preferred, valid (seconds; all ones: forever), then two
		// times that only the kernel sets.
		lifetimes := make([]byte, unix.SizeofIfaCacheinfo)
		binary.NativeEndian.PutUint32(lifetimes[4:], math.MaxUint32)
		b = netlink.AppendAttribute(b, unix.IFA_CACHEINFO, lifetimes)
	}
	return netlink.Request{Header: header, Data: b}
}

// family is that of struct ifaddrmsg.
func family(ip netip.Addr) uint8 {
	if ip.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// decodeMessage reads an RTM_NEWADDR message. The local address is invalid when it is of
// neither IP family.
func decodeMessage(m netlink.Message) (kernelAddress, error) {
	attributes, err := m.Attributes(unix.SizeofIfAddrmsg)
	if err != nil || m.Type != unix.RTM_NEWADDR {
		return kernelAddress{}, netlink.ErrMalformed
	}
	address := kernelAddress{prefix: m.Data[1], device: binary.NativeEndian.Uint32(m.Data[4:])}
	if m.Data[0] != unix.AF_INET && m.Data[0] != unix.AF_INET6 {
		return address, nil
	}
	var local, peer []byte
	d := netlink.Decode(attributes)
	for d.Next() {
		switch d.Type() {
		case unix.IFA_LOCAL:
			local = d.Bytes()
		case unix.IFA_ADDRESS: // the other end's on a point-to-point link
			peer = d.Bytes()
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

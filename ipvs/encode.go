package ipvs

import (
	"encoding/binary"
	"math"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// request is a message of the IPVS family.
func (c *Conn) request(command uint8, flags uint16, attributes []byte) netlink.Request {
	return netlink.Request{
		Type: c.family, Flags: flags,
		Header: netlink.GenericHeader(command, familyVersion), Data: attributes,
	}
}

// appendKey adds the attribute that names a service.
func appendKey(b []byte, key Key) []byte {
	return netlink.AppendNested(b, attrService, func(b []byte) []byte {
		b = netlink.AppendUint16(b, serviceAF, familyToKernel(key.Family))
		return netlink.AppendUint32(b, serviceMark, key.Mark)
	})
}

// appendListedKey adds the attribute that names a service as an entry does.
func appendListedKey(b []byte, key string) []byte {
	return netlink.AppendAttribute(b, unix.NLA_F_NESTED|attrService, key)
}

// appendService adds the attribute that describes a service.
func appendService(b []byte, s Service) []byte {
	return netlink.AppendNested(b, attrService, func(b []byte) []byte {
		b = netlink.AppendUint16(b, serviceAF, familyToKernel(s.Family))
		b = netlink.AppendUint32(b, serviceMark, s.Mark)
		b = netlink.AppendText(b, serviceScheduler, s.SchedName)
		if s.PEName != "" {
			b = netlink.AppendText(b, servicePE, s.PEName)
		}
		b = appendFlags(b, s.flagsToKernel())
		b = netlink.AppendUint32(b, serviceTimeout, uint32(s.Timeout/time.Second))
		return netlink.AppendUint32(b, serviceNetmask, s.netmaskToKernel())
	})
}

// appendFlags adds struct ip_vs_flags: the flags, and a mask of those that are set by
// it.
func appendFlags(b []byte, flags uint32) []byte {
	b = netlink.AppendAttributeHeader(b, serviceFlags, 8)
	b = binary.NativeEndian.AppendUint32(b, flags)
	return binary.NativeEndian.AppendUint32(b, math.MaxUint32)
}

// appendDestination adds the attribute that describes a destination.
func appendDestination(b []byte, d Destination) []byte {
	return netlink.AppendNested(b, attrDest, func(b []byte) []byte {
		b = netlink.AppendAttribute(b, destAddress, d.Address.AsSlice())
		b = netlink.AppendBigEndian16(b, destPort, d.Port)
		b = netlink.AppendUint32(b, destForwarding, d.methodToKernel())
		b = netlink.AppendUint32(b, destWeight, uint32(d.Weight))
		b = netlink.AppendUint32(b, destUpperThreshold, d.UpperThreshold)
		b = netlink.AppendUint32(b, destLowerThreshold, d.LowerThreshold)
		b = netlink.AppendUint16(b, destAddressFamily, familyToKernel(config.FamilyOf(d.Address)))
		if d.Tunnel != (Tunnel{}) {
			b = netlink.AppendUint8(b, destTunnelType, d.Tunnel.Type)
			b = netlink.AppendBigEndian16(b, destTunnelPort, d.Tunnel.Port)
			b = netlink.AppendUint16(b, destTunnelFlags, d.Tunnel.Flags)
		}
		return b
	})
}

func (d Destination) methodToKernel() uint32 {
	if d.RawForwarding != 0 {
		return uint32(d.RawForwarding)
	}
	switch d.Forwarding {
	case config.Direct:
		return methodDirect
	case config.Tunnel:
		return methodTunnel
	default:
		return methodMasquerade
	}
}

func (s Service) flagsToKernel() uint32 {
	if s.Timeout > 0 {
		return s.Flags | flagPersistent
	}
	return s.Flags
}

// netmaskToKernel is a prefix length in IPv6, and a mask in network byte order in IPv4.
func (s Service) netmaskToKernel() uint32 {
	if s.Family == config.IPv6 {
		return uint32(s.Netmask)
	}
	mask := net.CIDRMask(s.Netmask, 32)
	if s.RawNetmask != 0 {
		mask = binary.BigEndian.AppendUint32(nil, s.RawNetmask)
	}
	return binary.NativeEndian.Uint32(mask)
}

// appendTimeouts adds the attributes of timeouts, in seconds; 0 leaves a timeout as it
// is.
func appendTimeouts(b []byte, t config.Timeouts) []byte {
	b = netlink.AppendUint32(b, attrTimeoutTCP, uint32(t.TCP/time.Second))
	b = netlink.AppendUint32(b, attrTimeoutTCPFin, uint32(t.TCPFin/time.Second))
	return netlink.AppendUint32(b, attrTimeoutUDP, uint32(t.UDP/time.Second))
}

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

// request returns a request to the IPVS family.
func (c *Conn) request(command uint8, flags uint16, attributes []byte) netlink.Request {
	return netlink.Request{
		Type: c.family, Flags: flags,
		Header: netlink.GenericHeader(command, familyVersion), Data: attributes,
	}
}

// appendKey appends the attribute that identifies a service.
func appendKey(b []byte, key Key) []byte {
	return netlink.AppendNested(b, attrService, func(b []byte) []byte {
		b = netlink.AppendUint16(b, serviceAF, familyToKernel(key.Family))
		return netlink.AppendUint32(b, serviceMark, key.Mark)
	})
}

// appendListedKey appends the attribute that identifies a service by entry.key.
func appendListedKey(b []byte, key string) []byte {
	return netlink.AppendAttribute(b, unix.NLA_F_NESTED|attrService, key)
}

// appendService appends the attribute of a service.
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

// appendFlags appends struct ip_vs_flags: the flags, and a mask of the flags to set.
func appendFlags(b []byte, flags uint32) []byte {
	b = netlink.AppendAttributeHeader(b, serviceFlags, 8)
	b = binary.NativeEndian.AppendUint32(b, flags)
	return binary.NativeEndian.AppendUint32(b, math.MaxUint32)
}

// appendDestination appends the attribute of a destination.
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

// netmaskToKernel returns a prefix length for IPv6, and a mask in network byte order for
// IPv4.
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

// appendTimeouts appends the timeouts, in seconds; 0 keeps a timeout.
func appendTimeouts(b []byte, t config.Timeouts) []byte {
	b = netlink.AppendUint32(b, attrTimeoutTCP, uint32(t.TCP/time.Second))
	b = netlink.AppendUint32(b, attrTimeoutTCPFin, uint32(t.TCPFin/time.Second))
	return netlink.AppendUint32(b, attrTimeoutUDP, uint32(t.UDP/time.Second))
}

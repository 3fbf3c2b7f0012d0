package ipvs

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// The IPVS generic netlink family as linux/ip_vs.h has it, as far as it is
// spoken here.
const (
	familyName    = "IPVS"
	familyVersion = 1

	cmdNewService = 1
	cmdSetService = 2
	cmdDelService = 3
	cmdGetService = 4
	cmdNewDest    = 5
	cmdSetDest    = 6
	cmdDelDest    = 7
	cmdGetDest    = 8
	cmdSetConfig  = 12
	cmdGetConfig  = 13

	attrService       = 1
	attrDest          = 2
	attrTimeoutTCP    = 4
	attrTimeoutTCPFin = 5
	attrTimeoutUDP    = 6

	serviceAF        = 1
	serviceMark      = 5
	serviceScheduler = 6
	serviceFlags     = 7
	serviceTimeout   = 8
	serviceNetmask   = 9
	servicePE        = 11

	destAddress           = 1
	destPort              = 2
	destForwarding        = 3
	destWeight            = 4
	destUpperThreshold    = 5
	destLowerThreshold    = 6
	destActiveConns       = 7
	destInactiveConns     = 8
	destPersistentConns   = 9
	destAddressFamily     = 11
	destEncapsulation     = 13
	destEncapsulationPort = 14
	destEncapsulationFlag = 15

	flagPersistent = 0x1 // IP_VS_SVC_F_PERSISTENT
	flagHashed     = 0x2 // IP_VS_SVC_F_HASHED: the kernel's own
)

// Forwarding methods of the kernel: IP_VS_CONN_F_*, below IP_VS_CONN_F_FWD_MASK.
const (
	methodMasquerade = 0
	methodTunnel     = 2
	methodDirect     = 3
	methodMask       = 7
)

func familyToKernel(f config.Family) uint16 {
	if f == config.IPv4 {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func familyFromKernel(af uint16) (config.Family, error) {
	switch af {
	case unix.AF_INET:
		return config.IPv4, nil
	case unix.AF_INET6:
		return config.IPv6, nil
	}
	return 0, fmt.Errorf("address family %d is neither IPv4 nor IPv6", af)
}

// appendKey adds the attribute that names a service.
func appendKey(b []byte, key Key) []byte {
	return appendNested(b, attrService, func(b []byte) []byte {
		b = appendUint16(b, serviceAF, familyToKernel(key.Family))
		return appendUint32(b, serviceMark, key.Mark)
	})
}

// appendService adds the attribute that describes a service.
func appendService(b []byte, service Service) []byte {
	return appendNested(b, attrService, func(b []byte) []byte {
		b = appendUint16(b, serviceAF, familyToKernel(service.Family))
		b = appendUint32(b, serviceMark, service.Mark)
		b = appendText(b, serviceScheduler, service.Scheduler)
		if service.PersistenceEngine != "" {
			b = appendText(b, servicePE, service.PersistenceEngine)
		}
		b = appendFlags(b, service.flagsToKernel())
		b = appendUint32(b, serviceTimeout, uint32(service.Persistence/time.Second))
		return appendUint32(b, serviceNetmask, service.netmaskToKernel())
	})
}

// appendFlags adds struct ip_vs_flags: the flags, and which of them are set.
func appendFlags(b []byte, flags uint32) []byte {
	var data [8]byte
	binary.NativeEndian.PutUint32(data[:], flags)
	binary.NativeEndian.PutUint32(data[4:], math.MaxUint32)
	return appendAttribute(b, serviceFlags, data[:]...)
}

// appendDestination adds the attribute that describes a real server.
func appendDestination(b []byte, server Destination) []byte {
	return appendNested(b, attrDest, func(b []byte) []byte {
		b = appendAttribute(b, destAddress, server.Address.AsSlice()...)
		b = appendPort(b, destPort, server.Port)
		b = appendUint32(b, destForwarding, methodOf(server))
		b = appendUint32(b, destWeight, uint32(server.Weight))
		b = appendUint32(b, destUpperThreshold, server.UpperThreshold)
		b = appendUint32(b, destLowerThreshold, server.LowerThreshold)
		b = appendUint16(b, destAddressFamily, familyToKernel(config.FamilyOf(server.Address)))
		if server.Encapsulation != (Encapsulation{}) {
			b = appendAttribute(b, destEncapsulation, server.Encapsulation.Type)
			b = appendPort(b, destEncapsulationPort, server.Encapsulation.Port)
			b = appendUint16(b, destEncapsulationFlag, server.Encapsulation.Flags)
		}
		return b
	})
}

func methodOf(server Destination) uint32 {
	if server.RawForwarding != 0 {
		return uint32(server.RawForwarding)
	}
	switch server.Forwarding {
	case config.Direct:
		return methodDirect
	case config.Tunnel:
		return methodTunnel
	default:
		return methodMasquerade
	}
}

func setMethod(server *Destination, method uint32) {
	switch method &= methodMask; method {
	case methodMasquerade:
		server.Forwarding = config.NAT
	case methodTunnel:
		server.Forwarding = config.Tunnel
	case methodDirect:
		server.Forwarding = config.Direct
	default:
		server.RawForwarding = uint8(method)
	}
}

func (h Service) flagsToKernel() uint32 {
	if h.Persistence > 0 {
		return h.Flags | flagPersistent
	}
	return h.Flags
}

// netmaskToKernel is a prefix length in IPv6, and a mask in network byte order
// in IPv4.
func (h Service) netmaskToKernel() uint32 {
	if h.Family == config.IPv6 {
		return uint32(h.Netmask)
	}
	mask := net.CIDRMask(h.Netmask, 32)
	if h.RawNetmask != 0 {
		mask = binary.BigEndian.AppendUint32(nil, h.RawNetmask)
	}
	return binary.NativeEndian.Uint32(mask)
}

func (h *Service) setNetmask(raw uint32) {
	if h.Family == config.IPv6 {
		h.Netmask = int(raw)
		return
	}
	mask := binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, raw))
	ones := bits.LeadingZeros32(^mask)
	if bits.OnesCount32(mask) != ones {
		h.RawNetmask = mask
		return
	}
	h.Netmask = ones
}

// decodeService returns the service that the attributes describe, without its
// servers. One that is not keyed by a mark has Mark 0.
func decodeService(attributes []byte) (Service, error) {
	var d decoder
	var service Service
	var af uint16
	var flags, netmask uint32
	for b := d.inside(attributes, attrService); len(b) > 0; {
		switch typ, data := d.next(&b); typ {
		case serviceAF:
			af = d.uint16(data)
		case serviceMark:
			service.Mark = d.uint32(data)
		case serviceScheduler:
			service.Scheduler = d.text(data)
		case serviceFlags: // see appendFlags
			flags = d.uint32(data[:min(4, len(data))])
		case serviceTimeout:
			service.Persistence = time.Duration(d.uint32(data)) * time.Second
		case serviceNetmask:
			netmask = d.uint32(data)
		case servicePE:
			service.PersistenceEngine = d.text(data)
		}
	}
	if d.err != nil || service.Mark == 0 {
		return service, d.err
	}
	var err error
	if service.Family, err = familyFromKernel(af); err != nil {
		return service, err
	}
	service.settle(flags, netmask)
	return service, nil
}

// settle fills in what depends on the flags. Without persistence the kernel
// keeps a timeout and a netmask that have no effect and that ipvsadm does not
// show: they do not count as a difference.
func (h *Service) settle(flags, netmask uint32) {
	h.Flags = flags &^ flagHashed
	if flags&flagPersistent == 0 {
		h.Persistence, h.Netmask = 0, h.Family.Bits()
		return
	}
	h.setNetmask(netmask)
	if h.Persistence > 0 {
		h.Flags &^= flagPersistent // Persistence says it
	}
}

// decodeDestination returns the real server that the attributes describe.
func decodeDestination(attributes []byte, service Key) (Destination, error) {
	var d decoder
	var server Destination
	var address []byte
	af := familyToKernel(service.Family)
	for b := d.inside(attributes, attrDest); len(b) > 0; {
		switch typ, data := d.next(&b); typ {
		case destAddress:
			address = data
		case destAddressFamily:
			af = d.uint16(data)
		case destPort:
			server.Port = d.port(data)
		case destForwarding:
			setMethod(&server, d.uint32(data))
		case destWeight:
			server.Weight = int(int32(d.uint32(data)))
		case destUpperThreshold:
			server.UpperThreshold = d.uint32(data)
		case destLowerThreshold:
			server.LowerThreshold = d.uint32(data)
		case destActiveConns:
			server.Connections.Active = d.uint32(data)
		case destInactiveConns:
			server.Connections.Inactive = d.uint32(data)
		case destPersistentConns:
			server.Connections.Persistent = d.uint32(data)
		case destEncapsulation:
			server.Encapsulation.Type = d.uint8(data)
		case destEncapsulationPort:
			server.Encapsulation.Port = d.port(data)
		case destEncapsulationFlag:
			server.Encapsulation.Flags = d.uint16(data)
		}
	}
	if d.err != nil {
		return server, d.err
	}
	var err error
	server.Address, err = decodeAddress(address, af)
	return server, err
}

// decodeAddress reads a union nf_inet_addr, of which IPv4 has the first bytes.
func decodeAddress(b []byte, af uint16) (netip.Addr, error) {
	family, err := familyFromKernel(af)
	if err != nil {
		return netip.Addr{}, err
	}
	width := family.Bits() / 8
	if len(b) < width {
		return netip.Addr{}, fmt.Errorf("an address of %d bytes is too short for %s", len(b), family)
	}
	addr, _ := netip.AddrFromSlice(b[:width])
	return addr, nil
}

package ipvs

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	moby "github.com/moby/ipvs"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// The IPVS generic netlink family as linux/ip_vs.h has it, as far as it is
// spoken here. Services are written by moby/ipvs. It can neither read a service
// in full (no persistence engine) nor say all of a real server (no address
// family, no tunnel attributes, 16-bit weights), so that is done here.
const (
	familyName    = "IPVS"
	familyVersion = 1

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

// encodeKey adds the attribute that names a service.
func encodeKey(ae *netlink.AttributeEncoder, key Key) {
	ae.Nested(attrService, func(ae *netlink.AttributeEncoder) error {
		ae.Uint16(serviceAF, familyToKernel(key.Family))
		ae.Uint32(serviceMark, key.Mark)
		return nil
	})
}

// encodeServer adds the attribute that describes a real server.
func encodeServer(ae *netlink.AttributeEncoder, server Server) {
	ae.Nested(attrDest, func(ae *netlink.AttributeEncoder) error {
		ae.Bytes(destAddress, server.Address.AsSlice())
		ae.Bytes(destPort, binary.BigEndian.AppendUint16(nil, server.Port))
		ae.Uint32(destForwarding, methodOf(server))
		ae.Uint32(destWeight, uint32(server.Weight))
		ae.Uint32(destUpperThreshold, server.UpperThreshold)
		ae.Uint32(destLowerThreshold, server.LowerThreshold)
		ae.Uint16(destAddressFamily, familyToKernel(config.FamilyOf(server.Address)))
		if server.Encapsulation != (Encapsulation{}) {
			ae.Uint8(destEncapsulation, server.Encapsulation.Type)
			ae.Bytes(destEncapsulationPort, binary.BigEndian.AppendUint16(nil, server.Encapsulation.Port))
			ae.Uint16(destEncapsulationFlag, server.Encapsulation.Flags)
		}
		return nil
	})
}

func methodOf(server Server) uint32 {
	if server.OddForwarding != 0 {
		return uint32(server.OddForwarding)
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

func setMethod(server *Server, method uint32) {
	switch method &= methodMask; method {
	case methodMasquerade:
		server.Forwarding = config.NAT
	case methodTunnel:
		server.Forwarding = config.Tunnel
	case methodDirect:
		server.Forwarding = config.Direct
	default:
		server.OddForwarding = uint8(method)
	}
}

// toMoby is the header as moby/ipvs writes it.
func (h Header) toMoby() *moby.Service {
	service := &moby.Service{
		AddressFamily: familyToKernel(h.Family),
		FWMark:        h.Mark,
		SchedName:     h.Scheduler,
		Flags:         h.Flags,
		Timeout:       uint32(h.Persistence / time.Second),
		Netmask:       h.netmaskToKernel(),
		PEName:        h.PersistenceEngine,
	}
	if h.Persistence > 0 {
		service.Flags |= flagPersistent
	}
	return service
}

// netmaskToKernel is a prefix length in IPv6, and a mask in network byte order
// in IPv4.
func (h Header) netmaskToKernel() uint32 {
	if h.Family == config.IPv6 {
		return uint32(h.Netmask)
	}
	mask := net.CIDRMask(h.Netmask, 32)
	if h.OddNetmask != 0 {
		mask = binary.BigEndian.AppendUint32(nil, h.OddNetmask)
	}
	return binary.NativeEndian.Uint32(mask)
}

func (h *Header) setNetmask(raw uint32) {
	if h.Family == config.IPv6 {
		h.Netmask = int(raw)
		return
	}
	mask := binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, raw))
	ones := bits.LeadingZeros32(^mask)
	if bits.OnesCount32(mask) != ones {
		h.OddNetmask = mask
		return
	}
	h.Netmask = ones
}

// decodeService returns the service of one message of a dump of services,
// without its servers. One that is not keyed by a mark has Mark 0.
func decodeService(data []byte) (Header, error) {
	var header Header
	var af uint16
	var flags, netmask uint32
	err := nested(data, attrService, func(ad *netlink.AttributeDecoder) {
		switch ad.Type() {
		case serviceAF:
			af = ad.Uint16()
		case serviceMark:
			header.Mark = ad.Uint32()
		case serviceScheduler:
			header.Scheduler = ad.String()
		case serviceFlags: // struct ip_vs_flags: the flags and a mask
			if b := ad.Bytes(); len(b) >= 4 {
				flags = binary.NativeEndian.Uint32(b)
			}
		case serviceTimeout:
			header.Persistence = time.Duration(ad.Uint32()) * time.Second
		case serviceNetmask:
			netmask = ad.Uint32()
		case servicePE:
			header.PersistenceEngine = ad.String()
		}
	})
	if err != nil || header.Mark == 0 {
		return header, err
	}
	if header.Family, err = familyFromKernel(af); err != nil {
		return header, err
	}
	header.settle(flags, netmask)
	return header, nil
}

// settle fills in what depends on the flags. Without persistence the kernel
// keeps a timeout and a netmask that have no effect and that ipvsadm does not
// show: they do not count as a difference.
func (h *Header) settle(flags, netmask uint32) {
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

// decodeServer returns the real server of one message of a dump.
func decodeServer(data []byte, service Key) (Server, error) {
	var server Server
	var address []byte
	af := familyToKernel(service.Family)
	err := nested(data, attrDest, func(ad *netlink.AttributeDecoder) {
		switch ad.Type() {
		case destAddress:
			address = ad.Bytes()
		case destAddressFamily:
			af = ad.Uint16()
		case destPort:
			server.Port = bigEndian16(ad)
		case destForwarding:
			setMethod(&server, ad.Uint32())
		case destWeight:
			server.Weight = int(int32(ad.Uint32()))
		case destUpperThreshold:
			server.UpperThreshold = ad.Uint32()
		case destLowerThreshold:
			server.LowerThreshold = ad.Uint32()
		case destActiveConns:
			server.Connections.Active = ad.Uint32()
		case destInactiveConns:
			server.Connections.Inactive = ad.Uint32()
		case destPersistentConns:
			server.Connections.Persistent = ad.Uint32()
		case destEncapsulation:
			server.Encapsulation.Type = ad.Uint8()
		case destEncapsulationPort:
			server.Encapsulation.Port = bigEndian16(ad)
		case destEncapsulationFlag:
			server.Encapsulation.Flags = ad.Uint16()
		}
	})
	if err != nil {
		return server, err
	}
	server.Address, err = decodeAddress(address, af)
	return server, err
}

func bigEndian16(ad *netlink.AttributeDecoder) uint16 {
	b := ad.Bytes()
	if len(b) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(b)
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

// nested calls each for every attribute inside the outer one.
func nested(data []byte, outer uint16, each func(*netlink.AttributeDecoder)) error {
	ad, err := netlink.NewAttributeDecoder(data)
	if err != nil {
		return err
	}
	for ad.Next() {
		if ad.Type() != outer {
			continue
		}
		ad.Nested(func(ad *netlink.AttributeDecoder) error {
			for ad.Next() {
				each(ad)
			}
			return nil
		})
	}
	return ad.Err()
}

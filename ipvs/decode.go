package ipvs

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// decodeService decodes a service. A service keyed by address and port has Mark 0.
func decodeService(attributes []byte) (Service, error) {
	var service Service
	var af uint16
	var flags, netmask uint32
	d := netlink.DecodeNested(attributes, attrService)
	for d.Next() {
		switch d.Type() {
		case serviceAF:
			af = d.Uint16()
		case serviceMark:
			service.Mark = d.Uint32()
		case serviceScheduler:
			service.SchedName = d.Text()
		case serviceFlags: // see appendFlags
			if len(d.Bytes()) < 4 {
				return service, netlink.ErrMalformed
			}
			flags = binary.NativeEndian.Uint32(d.Bytes())
		case serviceTimeout:
			service.Timeout = time.Duration(d.Uint32()) * time.Second
		case serviceNetmask:
			netmask = d.Uint32()
		case servicePE:
			service.PEName = d.Text()
		}
	}
	if d.Err() != nil {
		return service, d.Err()
	}
	var err error
	if service.Family, err = familyFromKernel(af); err != nil {
		return service, err
	}
	service.normalize(flags, netmask)
	return service, nil
}

// normalize sets the fields that depend on the flags. Without persistence, the kernel
// stores a timeout and a netmask that have no effect and that ipvsadm does not print: they
// are no difference.
func (s *Service) normalize(flags, netmask uint32) {
	s.Flags = flags &^ flagHashed
	if flags&flagPersistent == 0 {
		s.Timeout, s.Netmask = 0, s.Family.Bits()
		return
	}
	s.setNetmask(netmask)
	if s.Timeout > 0 {
		s.Flags &^= flagPersistent // implied by Timeout
	}
}

func (s *Service) setNetmask(raw uint32) {
	if s.Family == config.IPv6 {
		s.Netmask = int(raw)
		return
	}
	mask := binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, raw))
	ones := bits.LeadingZeros32(^mask)
	if bits.OnesCount32(mask) != ones {
		s.RawNetmask = mask
		return
	}
	s.Netmask = ones
}

// decodeKey returns the attributes that identify a service.
func decodeKey(attributes []byte) (key []byte, err error) {
	d := netlink.DecodeNested(attributes, attrService)
	for d.Next() {
		if slices.Contains([]uint16{serviceAF, serviceProtocol, serviceAddress, servicePort, serviceMark}, d.Type()) {
			key = netlink.AppendAttribute(key, d.Type(), d.Bytes())
		}
	}
	return key, d.Err()
}

// decodeDestination decodes a destination of the service.
func decodeDestination(attributes []byte, service Key) (Destination, error) {
	var dest Destination
	var address []byte
	af := familyToKernel(service.Family)
	d := netlink.DecodeNested(attributes, attrDest)
	for d.Next() {
		switch d.Type() {
		case destAddress:
			address = d.Bytes()
		case destAddressFamily:
			af = d.Uint16()
		case destPort:
			dest.Port = d.BigEndian16()
		case destForwarding:
			dest.setMethod(d.Uint32())
		case destWeight:
			dest.Weight = int(int32(d.Uint32()))
		case destUpperThreshold:
			dest.UpperThreshold = d.Uint32()
		case destLowerThreshold:
			dest.LowerThreshold = d.Uint32()
		case destActiveConns:
			dest.Connections.Active = d.Uint32()
		case destInactiveConns:
			dest.Connections.Inactive = d.Uint32()
		case destPersistentConns:
			dest.Connections.Persistent = d.Uint32()
		case destTunnelType:
			dest.Tunnel.Type = d.Uint8()
		case destTunnelPort:
			dest.Tunnel.Port = d.BigEndian16()
		case destTunnelFlags:
			dest.Tunnel.Flags = d.Uint16()
		}
	}
	if d.Err() != nil {
		return dest, d.Err()
	}
	var err error
	dest.Address, err = decodeAddress(address, af)
	return dest, err
}

func (d *Destination) setMethod(method uint32) {
	switch method &= methodMask; method {
	case methodMasquerade:
		d.Forwarding = config.NAT
	case methodTunnel:
		d.Forwarding = config.Tunnel
	case methodDirect:
		d.Forwarding = config.Direct
	default:
		d.RawForwarding = uint8(method)
	}
}

// decodeAddress decodes a union nf_inet_addr, in which IPv4 uses the first bytes.
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

func decodeTimeouts(attributes []byte) (config.Timeouts, error) {
	var timeouts config.Timeouts
	d := netlink.Decode(attributes)
	for d.Next() {
		switch d.Type() {
		case attrTimeoutTCP:
			timeouts.TCP = time.Duration(d.Uint32()) * time.Second
		case attrTimeoutTCPFin:
			timeouts.TCPFin = time.Duration(d.Uint32()) * time.Second
		case attrTimeoutUDP:
			timeouts.UDP = time.Duration(d.Uint32()) * time.Second
		}
	}
	return timeouts, d.Err()
}

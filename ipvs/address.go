package ipvs

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// An AddressService is a service that is keyed by protocol, address and port, not by a
// fwmark; Mark is 0. lvsmark creates none.
type AddressService struct {
	VirtualService
	Protocol config.Protocol
	Address  netip.AddrPort // port 0: all ports without a service of their own
}

// AddressServices returns the services that are keyed by an address, sorted by protocol and
// address, with their destinations.
func (c *Conn) AddressServices() ([]AddressService, error) {
	all, err := c.list()
	if err != nil {
		return nil, err
	}
	var services []AddressService
	for _, e := range all {
		s, err := decodeAddressService(e.attributes)
		if err == nil && s.Mark == 0 {
			s.Destinations, err = c.destinationsOf(e.key, s.Key)
			services = append(services, s)
		}
		if err != nil {
			return nil, fmt.Errorf("list IPVS services: %w", err)
		}
	}
	slices.SortFunc(services, func(a, b AddressService) int {
		if a.Protocol != b.Protocol {
			return int(a.Protocol) - int(b.Protocol)
		}
		return a.Address.Compare(b.Address)
	})
	return services, nil
}

func decodeAddressService(attributes []byte) (s AddressService, err error) {
	if s.Service, err = decodeService(attributes); err != nil {
		return s, err
	}
	var address []byte
	var port uint16
	d := netlink.DecodeNested(attributes, attrService)
	for d.Next() {
		switch d.Type() {
		case serviceProtocol:
			s.Protocol = config.Protocol(d.Uint16())
		case serviceAddress:
			address = d.Bytes()
		case servicePort:
			port = d.BigEndian16()
		}
	}
	if size := s.Family.Bits() / 8; d.Err() == nil && len(address) >= size {
		ip, _ := netip.AddrFromSlice(address[:size])
		s.Address = netip.AddrPortFrom(ip, port)
	}
	return s, d.Err()
}

// destinationsOf reads the destinations of a listed service.
func (c *Conn) destinationsOf(listed string, key Key) ([]Destination, error) {
	var destinations []Destination
	for attributes, err := range c.query(cmdGetDest, unix.NLM_F_DUMP, appendListedKey(nil, listed)) {
		var dest Destination
		if err == nil {
			dest, err = decodeDestination(attributes, key)
		}
		if err != nil {
			return nil, err
		}
		destinations = append(destinations, dest)
	}
	slices.SortFunc(destinations, func(a, b Destination) int {
		return netip.AddrPortFrom(a.Address, a.Port).Compare(netip.AddrPortFrom(b.Address, b.Port))
	})
	return destinations, nil
}

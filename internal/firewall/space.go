package firewall

import (
	"bytes"
	"net/netip"
	"slices"
	"sort"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// A space is all packets of one address family that a question is about: the first
// packets of connections, in classes of destination addresses. A class is a single
// address, or a range of addresses that no rule tells apart. What is not known of
// packets (source, device, …) makes a condition unsure.
type space struct {
	family nft.Family
	size   int    // bytes of an address
	count  int    // of classes
	low    []byte // the first address of each class, one behind the other, in order
	high   []byte // the last address of each class
	ports  []config.PortRange
}

func (s *space) lowOf(class int) []byte { return s.low[class*s.size : (class+1)*s.size] }

func (s *space) highOf(class int) []byte { return s.high[class*s.size : (class+1)*s.size] }

// first is the first address of a class.
func (s *space) first(class int) netip.Addr {
	address, _ := netip.AddrFromSlice(s.lowOf(class))
	return address
}

func (s *space) last(class int) netip.Addr {
	address, _ := netip.AddrFromSlice(s.highOf(class))
	return address
}

func newSpace(family nft.Family, ports []config.PortRange) *space {
	return &space{family: family, size: addressSize(family), ports: ports}
}

func addressSize(family nft.Family) int {
	if family == nft.IPv4 {
		return 4
	}
	return 16
}

// addresses has the space have one class for each address.
func (s *space) addresses(list []netip.Addr) {
	list = slices.Clone(list)
	slices.SortFunc(list, netip.Addr.Compare)
	list = slices.Compact(list)
	s.low = make([]byte, 0, len(list)*s.size)
	for _, address := range list {
		s.low = append(s.low, address.AsSlice()...)
	}
	s.high, s.count = s.low, len(list)
}

// single reports whether each class is a single address.
func (s *space) single() bool { return s.count == 0 || &s.low[0] == &s.high[0] }

// class is the class of an address; false: the space has none.
func (s *space) class(address []byte) (int, bool) {
	first, end, _ := s.span(interval{address, address})
	return first, first < end
}

// span is the range of classes that have addresses whose first bytes are in the
// interval. exact tells whether all addresses of these classes are.
func (s *space) span(i interval) (first, end int, exact bool) {
	n := len(i.low)
	first = sort.Search(s.count, func(class int) bool { return bytes.Compare(s.highOf(class)[:n], i.low) >= 0 })
	if first == s.count || bytes.Compare(s.lowOf(first)[:n], i.high) > 0 {
		return first, first, true
	}
	end = first + 1 + sort.Search(s.count-first-1, func(class int) bool { return bytes.Compare(s.lowOf(first + 1 + class)[:n], i.high) > 0 })
	return first, end, bytes.Compare(s.lowOf(first)[:n], i.low) >= 0 && bytes.Compare(s.highOf(end - 1)[:n], i.high) <= 0
}

// hasPorts reports whether packets of the space go to ports of the interval.
func (s *space) hasPorts(i interval) bool {
	if len(i.low) != 2 {
		return false
	}
	low, high := i.ports()
	return slices.ContainsFunc(s.ports, func(r config.PortRange) bool { return r.Low <= high && low <= r.High })
}

func (s *space) hasProtocol(holds func(config.Protocol) bool) bool {
	return slices.ContainsFunc(s.ports, func(r config.PortRange) bool { return holds(r.Protocol) })
}

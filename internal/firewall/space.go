package firewall

import (
	"bytes"
	"net/netip"
	"slices"
	"sort"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// A space is the packets of one flow and address family to evaluate rules for, in classes
// of addresses of the known end. A class is a single address, or a range of addresses that
// no rule distinguishes. Other properties of packets (the client, the device, …) are
// unknown: a rule that tests one depends on a condition.
type space struct {
	family nft.Family
	size   int    // bytes of an address
	count  int    // number of classes
	low    []byte // the first address of each class, concatenated in order
	high   []byte // the last address of each class
	ports  []config.PortRange

	flow         flow
	firstOnly    bool // of a TCP connection only the first packet gets a mark
	tracking     Tracking
	translations map[uint32]translation // of active data, or of packets to real servers, by mark
	translates   func() bool            // whether lvsmark translates any packets of the family
	keepMarks    bool                   // lvsmark sets the marks once more right before IPVS
	conditions   []string               // on which it depends whether there are such packets
}

func (s *space) lowOf(class int) []byte { return s.low[class*s.size : (class+1)*s.size] }

func (s *space) highOf(class int) []byte { return s.high[class*s.size : (class+1)*s.size] }

// first returns the first address of a class.
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

// setAddresses gives the space one class for each address.
func (s *space) setAddresses(list []netip.Addr) {
	list = slices.Clone(list)
	slices.SortFunc(list, netip.Addr.Compare)
	list = slices.Compact(list)
	s.low = make([]byte, 0, len(list)*s.size)
	for _, address := range list {
		s.low = append(s.low, address.AsSlice()...)
	}
	s.high, s.count = s.low, len(list)
}

// expandLimit is the largest number of addresses of a range that are a class each. Of a
// larger one, rules may distinguish addresses of a class; what they do is uncertain then.
const expandLimit = 256

// setRanges gives the space classes for the addresses of the ranges, which may overlap. No
// range has a part of a class.
func (s *space) setRanges(list []config.AddressRange) {
	var starts []netip.Addr // of classes and of the gaps after ranges
	single := true
	for _, r := range list {
		if starts = append(starts, r.First); r.IsSingle() {
			continue
		}
		single = false
		if r.Count() <= expandLimit {
			starts = slices.AppendSeq(starts, r.All())
		}
	}
	if single {
		s.setAddresses(starts)
		return
	}
	union := unionOf(list)
	for _, r := range list {
		if next := r.Last.Next(); next.IsValid() {
			starts = append(starts, next)
		}
	}
	slices.SortFunc(starts, netip.Addr.Compare)
	starts = slices.Compact(starts)
	for i, first := range starts {
		at, _ := slices.BinarySearchFunc(union, first, func(r config.AddressRange, a netip.Addr) int { return r.Last.Compare(a) })
		if at == len(union) || !union[at].Contains(first) {
			continue
		}
		last := union[at].Last
		if i+1 < len(starts) && !last.Less(starts[i+1]) {
			last = starts[i+1].Prev()
		}
		s.low, s.high = append(s.low, first.AsSlice()...), append(s.high, last.AsSlice()...)
		s.count++
	}
}

// unionOf returns sorted ranges without overlaps that have the same addresses.
func unionOf(list []config.AddressRange) []config.AddressRange {
	var union []config.AddressRange
	for _, r := range slices.SortedFunc(slices.Values(list), config.AddressRange.Compare) {
		if n := len(union); n == 0 || union[n-1].Last.Less(r.First) {
			union = append(union, r)
		} else if union[n-1].Last.Less(r.Last) {
			union[n-1].Last = r.Last
		}
	}
	return union
}

// classesIn returns the classes of a range of setRanges.
func (s *space) classesIn(r config.AddressRange) (first, end int) {
	first, end, _ = s.span(interval{r.First.AsSlice(), r.Last.AsSlice()})
	return first, end
}

// single reports whether each class is a single address.
func (s *space) single() bool { return s.count == 0 || &s.low[0] == &s.high[0] }

// class returns the class of an address; false: the address is not in the space.
func (s *space) class(address []byte) (int, bool) {
	first, end, _ := s.span(interval{address, address})
	return first, first < end
}

// span returns the range of classes with addresses in the interval, which may be of
// address prefixes. exact reports whether all addresses of these classes are in it.
func (s *space) span(i interval) (first, end int, exact bool) {
	n := len(i.low)
	first = sort.Search(s.count, func(class int) bool { return bytes.Compare(s.highOf(class)[:n], i.low) >= 0 })
	if first == s.count || bytes.Compare(s.lowOf(first)[:n], i.high) > 0 {
		return first, first, true
	}
	end = first + 1 + sort.Search(s.count-first-1, func(class int) bool { return bytes.Compare(s.lowOf(first + 1 + class)[:n], i.high) > 0 })
	return first, end, bytes.Compare(s.lowOf(first)[:n], i.low) >= 0 && bytes.Compare(s.highOf(end - 1)[:n], i.high) <= 0
}

// hasPorts reports whether packets of the space go to ports in the interval.
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

// A translation is what lvsmark translates the source of active data to.
type translation struct {
	kind config.Translation
	vip  netip.Addr // of SNAT
}

// serviceBytes returns the offsets of the type of service or traffic class, flow label, time to live or
// hop limit in the network header.
func (s *space) serviceBytes() []uint32 {
	if s.family == nft.IPv4 {
		return []uint32{1, 8}
	}
	return []uint32{0, 1, 2, 3, 7}
}

// readsPayload returns what bytes of a header are that rules may change beside addresses and ports.
func (s *space) readsPayload(e *expr.Payload) oldconfig.Reads {
	const options = 20 // of TCP
	of := func(offset uint32) bool { return e.Offset <= offset && offset < e.Offset+e.Len }
	switch {
	case e.Base == expr.PayloadBaseNetworkHeader && slices.ContainsFunc(s.serviceBytes(), of),
		e.Base == expr.PayloadBaseTransportHeader && e.Offset+e.Len > options:
		return oldconfig.ReadsOthers
	}
	return 0
}

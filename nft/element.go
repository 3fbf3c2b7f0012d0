package nft

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// NFTA_SET_ELEM_KEY_END is missing in golang.org/x/sys/unix.
const nftaSetElemKeyEnd = 10

// elementKey is the Key of an element for a value.
func elementKey(value []byte) string {
	b := make([]byte, 0, attributeRoom)
	return string(appendValue(b, unix.NFTA_SET_ELEM_KEY, value))
}

// attributeRoom is enough for the attribute of an address.
const attributeRoom = 2*netlink.AttributeHeaderLen + 16

// intervalEnd is the Key of the element that ends the interval below value.
func intervalEnd(value []byte) string {
	b := appendValue(nil, unix.NFTA_SET_ELEM_KEY, value)
	return string(netlink.AppendBigEndian32(b, unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END))
}

// mapped is the Rest of a map's element.
func mapped(value []byte) string {
	b := make([]byte, 0, attributeRoom)
	return string(appendValue(b, unix.NFTA_SET_ELEM_DATA, value))
}

// mappedGoto is the Rest of a verdict map's element that goes to a chain.
func mappedGoto(chain string) string {
	code := expr.VerdictGoto
	verdict := netlink.AppendBigEndian32(nil, unix.NFTA_VERDICT_CODE, uint32(code))
	verdict = netlink.AppendText(verdict, unix.NFTA_VERDICT_CHAIN, chain)
	data := netlink.AppendAttribute(nil, unix.NFTA_DATA_VERDICT, verdict)
	return string(netlink.AppendAttribute(nil, unix.NFTA_SET_ELEM_DATA, data))
}

// withUserdata is the Rest of an element of a set with userdata.
func withUserdata(data []byte) string {
	return string(netlink.AppendAttribute(nil, unix.NFTA_SET_ELEM_USERDATA, data))
}

// appendValue adds a value as the kernel dumps it: without NLA_F_NESTED, which it
// does not ask for either.
func appendValue(b []byte, typ uint16, value []byte) []byte {
	b = netlink.AppendAttributeHeader(b, typ, netlink.AttributeHeaderLen+netlink.Aligned(len(value)))
	return netlink.AppendAttribute(b, unix.NFTA_DATA_VALUE, value)
}

// parts are the attributes of an element that the package reads.
type parts struct {
	key, data       string // as the kernel has them; empty: there is none
	end             bool   // this element ends an interval
	verdict         expr.VerdictKind
	chain           string // of verdicts
	userdata        string
	isVerdict, more bool // more: there are attributes that the package does not know
}

func (e Element) parts() parts {
	var p parts
	for typ, data := range netlink.Attributes(e.Key) {
		switch typ {
		case unix.NFTA_SET_ELEM_KEY:
			p.key = dataValue(data)
		case unix.NFTA_SET_ELEM_FLAGS:
			p.end = len(data) == 4 && uint32Of(data)&unix.NFT_SET_ELEM_INTERVAL_END != 0
		default:
			p.more = true
		}
	}
	for typ, data := range netlink.Attributes(e.Rest) {
		switch typ {
		case unix.NFTA_SET_ELEM_DATA:
			p.data = dataValue(data)
			p.verdict, p.chain, p.isVerdict = dataVerdict(data)
		case unix.NFTA_SET_ELEM_USERDATA:
			p.userdata = data
		default:
			p.more = true
		}
	}
	return p
}

// dataValue is the value of a nested NFTA_DATA_VALUE; empty when there is none.
func dataValue[T netlink.Content](nested T) (value T) {
	for typ, data := range netlink.Attributes(nested) {
		if typ == unix.NFTA_DATA_VALUE {
			value = data
		}
	}
	return value
}

func dataVerdict[T netlink.Content](nested T) (kind expr.VerdictKind, chain string, ok bool) {
	for typ, verdict := range netlink.Attributes(nested) {
		if typ != unix.NFTA_DATA_VERDICT {
			continue
		}
		for typ, data := range netlink.Attributes(verdict) {
			switch {
			case typ == unix.NFTA_VERDICT_CODE && len(data) == 4:
				kind, ok = expr.VerdictKind(int32(uint32Of(data))), true
			case typ == unix.NFTA_VERDICT_CHAIN:
				chain = strings.TrimRight(string(data), "\x00")
			}
		}
	}
	return kind, chain, ok
}

// sortElements brings elements into the order in which nft lists them: that of
// their values.
func sortElements(s *Set) {
	if sorted, ok := s.sortedByNumber(); ok {
		s.Elements = sorted
		return
	}
	slices.SortFunc(s.Elements, s.compareKeys)
}

// sortedByNumber is what sortElements does for keys of 4 bytes, which most are: the
// kernel lists a hash in no order, and numbers are quick to sort.
func (s *Set) sortedByNumber() ([]Element, bool) {
	order := make([]uint64, len(s.Elements)) // a key, and its place
	for i, e := range s.Elements {
		if len(e.Key) != 2*netlink.AttributeHeaderLen+4 {
			return nil, false
		}
		key := uint32Of(e.Key[2*netlink.AttributeHeaderLen:])
		if s.KeyHost {
			key = hostOrdered(e.Key[2*netlink.AttributeHeaderLen:])
		}
		order[i] = uint64(key)<<32 | uint64(i)
	}
	slices.Sort(order)
	sorted := make([]Element, len(order))
	for i, o := range order {
		sorted[i] = s.Elements[uint32(o)]
	}
	return sorted, true
}

// inOrder are the elements in the order of the set; the same slice where they are.
func (s *Set) inOrder(elements []Element) []Element {
	if slices.IsSortedFunc(elements, s.compareKeys) {
		return elements
	}
	elements = slices.Clone(elements)
	slices.SortFunc(elements, s.compareKeys)
	return elements
}

// compareKeys: where one interval ends another may begin. The end comes first, or
// the kernel takes the second for a part of the first.
func (s *Set) compareKeys(a, b Element) int {
	if s.KeyHost {
		return cmp.Or(cmp.Compare(hostKey(a), hostKey(b)), strings.Compare(a.Key, b.Key))
	}
	// Key begins with the value; that of an end goes on with flags.
	n := min(len(a.Key), len(b.Key))
	if order := strings.Compare(a.Key[:n], b.Key[:n]); order != 0 {
		return order
	}
	return cmp.Compare(len(b.Key), len(a.Key))
}

func hostKey(e Element) uint32 {
	if key := e.parts().key; len(key) == 4 {
		return hostOrdered(key)
	}
	return 0
}

// prefixElements are the elements that hold the networks in a set of intervals,
// as nft puts them: the start of each, the end of each behind its last address,
// and an end at zero.
func prefixElements(prefixes []netip.Prefix, rest func(netip.Prefix) string) []Element {
	var elements []Element
	if first := prefixes[0].Addr(); !first.IsUnspecified() {
		zero := make([]byte, first.BitLen()/8)
		elements = append(elements, Element{Key: intervalEnd(zero)})
	}
	for _, prefix := range prefixes {
		elements = append(elements, Element{Key: elementKey(prefix.Addr().AsSlice()), Rest: rest(prefix)})
		if next := lastAddr(prefix).Next(); next.IsValid() {
			elements = append(elements, Element{Key: intervalEnd(next.AsSlice())})
		}
	}
	return elements
}

func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

// An ElementMatch is what an element of a set matches. Keys are as in registers; an empty
// key stands for none.
type ElementMatch struct {
	Key       string // in sets of intervals the first key that it matches
	KeyEnd    string // the last key, where the element has a last key of its own
	EndsRange bool   // it matches nothing, and is the end of the interval below it
	CatchAll  bool   // it matches what no other element does
}

// Match reads what the element matches.
func (e Element) Match() ElementMatch {
	const catchAll = 2 // NFT_SET_ELEM_CATCHALL
	var m ElementMatch
	for typ, data := range netlink.Attributes(e.Key) {
		switch typ {
		case unix.NFTA_SET_ELEM_KEY:
			m.Key = dataValue(data)
		case nftaSetElemKeyEnd:
			m.KeyEnd = dataValue(data)
		case unix.NFTA_SET_ELEM_FLAGS:
			if len(data) == 4 {
				flags := binary.BigEndian.Uint32([]byte(data))
				m.EndsRange, m.CatchAll = flags&unix.NFT_SET_ELEM_INTERVAL_END != 0, flags&catchAll != 0
			}
		}
	}
	return m
}

// An Answer is what a map has for an element: data as in registers, or a verdict. It is
// the zero value in a set.
type Answer struct {
	Data      string
	IsVerdict bool
	Verdict   expr.VerdictKind
	Chain     string // that the verdict jumps or goes to
}

// Answer reads what the map has for the element.
func (e Element) Answer() Answer {
	var a Answer
	for typ, data := range netlink.Attributes(e.Rest) {
		if typ == unix.NFTA_SET_ELEM_DATA {
			a.Data = dataValue(data)
			a.Verdict, a.Chain, a.IsVerdict = dataVerdict(data)
		}
	}
	return a
}

// Finder returns a function that finds the element of a key without a look at all
// elements; nil where there are others than elements of single keys, in order.
func (s *Set) Finder() func(key []byte) (Element, bool) {
	single := len(elementKey(make([]byte, s.KeyLen)))
	if s.isInterval() || s.KeyHost || !slices.IsSortedFunc(s.Elements, s.compareKeys) ||
		slices.ContainsFunc(s.Elements, func(e Element) bool { return len(e.Key) != single }) {
		return nil
	}
	return func(key []byte) (Element, bool) {
		want := elementKey(key)
		i, ok := slices.BinarySearchFunc(s.Elements, want, func(e Element, key string) int { return strings.Compare(e.Key, key) })
		if !ok {
			return Element{}, false
		}
		return s.Elements[i], true
	}
}

// RangesArePairs reports whether the set has two elements for each interval: one that
// begins it, and one with EndsRange behind its last key. In other sets of intervals, an
// element has both keys.
func (s *Set) RangesArePairs() bool {
	const concatenation = 0x80 // NFT_SET_CONCAT
	return s.isInterval() && s.Flags&concatenation == 0
}

// IsDynamic reports whether packets add elements to the set.
func (s *Set) IsDynamic() bool { return s.Flags&unix.NFT_SET_EVAL != 0 }

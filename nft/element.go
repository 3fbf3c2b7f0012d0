package nft

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/internal/nftname"
)

// NFTA_SET_ELEM_KEY_END and NFTA_SET_ELEM_OBJREF, missing in golang.org/x/sys/unix.
const (
	nftaSetElemKeyEnd = 10
	nftaSetElemObjref = 9
)

// elementKey returns the Key of an element with that value.
func elementKey(value []byte) string {
	b := make([]byte, 0, addressAttributeLen)
	return string(appendValue(b, unix.NFTA_SET_ELEM_KEY, value))
}

// addressAttributeLen is the length of the nested attribute of an IPv6 address.
const addressAttributeLen = 2*netlink.AttributeHeaderLen + 16

// intervalEndKey returns the Key of the element that ends the interval below value.
func intervalEndKey(value []byte) string {
	b := appendValue(nil, unix.NFTA_SET_ELEM_KEY, value)
	return string(netlink.AppendBigEndian32(b, unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END))
}

// valueRest returns the Rest of an element of a map.
func valueRest(value []byte) string {
	b := make([]byte, 0, addressAttributeLen)
	return string(appendValue(b, unix.NFTA_SET_ELEM_DATA, value))
}

// gotoRest returns the Rest of an element of a verdict map that goes to a chain.
func gotoRest(chain string) string {
	code := expr.VerdictGoto
	verdict := netlink.AppendBigEndian32(nil, unix.NFTA_VERDICT_CODE, uint32(code))
	verdict = netlink.AppendText(verdict, unix.NFTA_VERDICT_CHAIN, chain)
	data := netlink.AppendAttribute(nil, unix.NFTA_DATA_VERDICT, verdict)
	return string(netlink.AppendAttribute(nil, unix.NFTA_SET_ELEM_DATA, data))
}

// userdataRest returns the Rest of an element with userdata.
func userdataRest(data []byte) string {
	return string(netlink.AppendAttribute(nil, unix.NFTA_SET_ELEM_USERDATA, data))
}

// appendValue appends a value as the kernel dumps it: without NLA_F_NESTED, which the
// kernel does not require either.
func appendValue(b []byte, typ uint16, value []byte) []byte {
	b = netlink.AppendAttributeHeader(b, typ, netlink.AttributeHeaderLen+netlink.Aligned(len(value)))
	return netlink.AppendAttribute(b, unix.NFTA_DATA_VALUE, value)
}

// parts are the decoded attributes of an element.
type parts struct {
	keyEnd             string // last key of an interval
	key, data          string // in the byte order of the kernel; empty if absent
	end                bool   // this element ends an interval
	verdict            expr.VerdictKind
	chain              string // target of the verdict
	userdata           string
	object             string // name of a stateful object
	isVerdict, unknown bool   // unknown: the element has attributes that the package does not decode
}

func (e Element) parts() parts {
	var p parts
	for typ, data := range netlink.Attributes(e.Key) {
		switch typ {
		case unix.NFTA_SET_ELEM_KEY:
			p.key = dataValue(data)
		case nftaSetElemKeyEnd:
			p.keyEnd = dataValue(data)
		case unix.NFTA_SET_ELEM_FLAGS:
			p.end = len(data) == 4 && uint32Of(data)&unix.NFT_SET_ELEM_INTERVAL_END != 0
		default:
			p.unknown = true
		}
	}
	for typ, data := range netlink.Attributes(e.Rest) {
		switch typ {
		case unix.NFTA_SET_ELEM_DATA:
			p.data = dataValue(data)
			p.verdict, p.chain, p.isVerdict = dataVerdict(data)
		case unix.NFTA_SET_ELEM_USERDATA:
			p.userdata = data
		case nftaSetElemObjref:
			p.object = strings.TrimRight(data, "\x00")
		default:
			p.unknown = true
		}
	}
	return p
}

// dataValue returns the content of a nested NFTA_DATA_VALUE; empty if there is none.
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

// sortElements sorts elements by value, as nft lists them.
func sortElements(s *Set) {
	if sorted, ok := s.sortedByNumber(); ok {
		s.Elements = sorted
		return
	}
	slices.SortFunc(s.Elements, s.compareKeys)
}

// sortedByNumber sorts elements with keys of 4 bytes, the usual case: the kernel lists a
// hash in no order, and numbers are fast to sort.
func (s *Set) sortedByNumber() ([]Element, bool) {
	order := make([]uint64, len(s.Elements)) // key and index
	for i, e := range s.Elements {
		if len(e.Key) != 2*netlink.AttributeHeaderLen+4 {
			return nil, false
		}
		key := uint32Of(e.Key[2*netlink.AttributeHeaderLen:])
		if s.hostSorted() {
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

// sorted returns the elements in the order of the set; the same slice if it is sorted.
func (s *Set) sorted(elements []Element) []Element {
	if slices.IsSortedFunc(elements, s.compareKeys) {
		return elements
	}
	elements = slices.Clone(elements)
	slices.SortFunc(elements, s.compareKeys)
	return elements
}

// compareKeys compares elements by value. If one interval begins where another ends, the
// end comes first; in the other order the kernel would merge the intervals.
func (s *Set) compareKeys(a, b Element) int {
	if s.hostSorted() {
		return cmp.Or(compareHostKeys(a, b), strings.Compare(a.Key, b.Key))
	}
	// Key begins with the value; flags follow in the key of an end.
	n := min(len(a.Key), len(b.Key))
	if order := strings.Compare(a.Key[:n], b.Key[:n]); order != 0 {
		return order
	}
	return cmp.Compare(len(b.Key), len(a.Key))
}

// hostSorted reports whether keys are in host byte order. nft converts those of intervals.
func (s *Set) hostSorted() bool { return s.KeyHost && !s.isInterval() }

// compareHostKeys compares values in host byte order, as numbers of any length.
func compareHostKeys(a, b Element) int {
	x, y := a.parts().key, b.parts().key
	if len(x) == 4 && len(y) == 4 {
		return cmp.Compare(hostOrdered(x), hostOrdered(y))
	}
	return bytes.Compare(nftname.Reversed([]byte(x)), nftname.Reversed([]byte(y)))
}

// An ElementMatch is the keys that an element matches, in the byte order of registers. An
// empty key is absent.
type ElementMatch struct {
	Key       string // the key, or the first key of an interval
	KeyEnd    string // the last key of an interval, if the element has both
	EndsRange bool   // matches no key, but ends the interval below it
	CatchAll  bool   // matches keys that no other element matches
}

// Match decodes the keys that the element matches.
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

// An Answer is a map's value for an element: data in the byte order of registers, or a
// verdict. It is zero for sets.
type Answer struct {
	Data      string
	IsVerdict bool
	Verdict   expr.VerdictKind
	Chain     string // target of jump and goto
}

// Answer decodes the map's value for the element.
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

// Object returns the name of the stateful object of an element; empty: it has none.
func (e Element) Object() string { return e.parts().object }

// Finder returns a function that finds the element of a key by binary search. It is nil if
// the set is not a sorted set of single keys.
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

// Expires reports whether the kernel deletes the element after a time that is not that of its set
// (NFTA_SET_ELEM_TIMEOUT).
func (e Element) Expires() bool {
	for typ, data := range netlink.Attributes(e.Rest) {
		if typ == unix.NFTA_SET_ELEM_TIMEOUT && isTime(data) {
			return true
		}
	}
	return false
}

// isTime reports whether the attribute is a time; 0: never.
func isTime(data string) bool {
	return len(data) == 8 && binary.BigEndian.Uint64([]byte(data)) != 0
}

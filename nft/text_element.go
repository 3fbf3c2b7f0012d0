package nft

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables/userdata"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/nftname"
)

// An Interval is an interval or single element of a set, as nft lists it. Its addresses are
// invalid if the keys of the set have neither 4 nor 16 bytes.
type Interval struct {
	AddressRange

	text  string
	start Element      // of addresses
	other elementRange // of other keys
}

// intervals merges the start and the end of each interval.
func (s *Set) intervals() []Interval {
	var list []Interval
	for i, e := range s.Elements {
		p := e.parts()
		if p.end {
			continue
		}
		listed := Interval{text: valueText(s.KeyType, p.key), start: e}
		if first, ok := addrOf(p.key); ok {
			listed.AddressRange = AddressRange{First: first, Last: s.lastOf(i, first)}
			listed.text = rangeText(first, listed.Last)
		}
		listed.text = string(s.appendRest([]byte(listed.text), p))
		list = append(list, listed)
	}
	return list
}

// lastOf returns the last address of the interval that begins with element i: the address
// before the next element, as ends are elements too.
func (s *Set) lastOf(i int, first netip.Addr) netip.Addr {
	for _, e := range s.Elements[i+1:] {
		if next, ok := addrOf(e.parts().key); ok && next != first {
			return next.Prev()
		}
	}
	return config.RangeOfPrefix(netip.PrefixFrom(first, 0)).Last
}

// rangeText formats a range, as an address or a network if possible.
func rangeText(first, last netip.Addr) string {
	if first == last {
		return first.String()
	}
	for bits := range first.BitLen() {
		if p := netip.PrefixFrom(first, bits); p.Masked() == p && config.RangeOfPrefix(p).Last == last {
			return p.String()
		}
	}
	return first.String() + "-" + last.String()
}

// listed returns the elements as nft lists them; an interval is one.
func (s *Set) listed() []Interval {
	switch {
	case s.KeyType != typeIPv4 && s.KeyType != typeIPv6:
		return s.listedOfType()
	case s.isInterval():
		return s.intervals()
	}
	list := make([]Interval, len(s.Elements))
	for i, e := range s.Elements {
		address, _ := addrOf(e.parts().key)
		list[i] = Interval{AddressRange: config.SingleAddress(address), text: s.elementText(e), start: e}
	}
	return list
}

// listedOfType is listed for keys that are no addresses.
func (s *Set) listedOfType() (list []Interval) {
	keys := contentsOf(s.KeyType, int(s.KeyLen), s.KeyHost)
	for _, e := range s.ranges() {
		list = append(list, Interval{text: e.text(s, keys), other: e})
	}
	return list
}

// elementText formats an element; for an interval of two elements, its start.
func (s *Set) elementText(e Element) string {
	p := e.parts()
	if s.KeyType != typeIPv4 && s.KeyType != typeIPv6 {
		return elementRange{parts: p, last: p.keyEnd}.text(s, contentsOf(s.KeyType, int(s.KeyLen), s.KeyHost))
	}
	b := make([]byte, 0, 64)
	return string(s.appendRest(appendValueText(b, s.KeyType, p.key), p))
}

// appendRest appends the text after the key.
func (s *Set) appendRest(b []byte, p parts) []byte {
	if comment := userdataText(p.userdata, userdata.TypeComment); comment != "" {
		b = fmt.Appendf(b, " comment \"%s\"", comment)
	}
	switch {
	case p.isVerdict:
		b = append(append(b, " : "...), verdictText(p.verdict, p.chain)...)
	case p.object != "":
		b = fmt.Appendf(b, " : %q", p.object)
	case p.data != "":
		b = append(append(b, " : "...), s.dataText(p.data)...)
	}
	if p.unknown {
		b = append(b, " (and more)"...)
	}
	return b
}

// setText returns "@name", or the elements of an anonymous set with those keys.
func (p *rulePrinter) setText(name string, keys []*content) string {
	s := p.anonymous.set(name)
	if s == nil {
		return "@" + name
	}
	if len(keys) == 1 && keys[0].mask != nil && keys[0].place != nil {
		keys[0].mask = nil
	}
	var elements []string
	for _, e := range s.ranges() {
		elements = append(elements, e.text(s, keys))
	}
	return "{ " + strings.Join(elements, ", ") + " }"
}

// An elementRange is an element of a set with the last key that it matches.
type elementRange struct {
	parts
	last string // empty: the element matches one key
}

// ranges returns the elements of a set, without the ends of intervals.
func (s *Set) ranges() []elementRange {
	var list []elementRange
	for i, e := range s.Elements {
		r := elementRange{parts: e.parts()}
		r.last = r.keyEnd
		if r.end {
			continue
		}
		if s.RangesArePairs() {
			r.last = s.lastKey(i, r.key)
		}
		if r.last == r.key {
			r.last = ""
		}
		list = append(list, r)
	}
	return list
}

// lastKey returns the last key of the interval that begins with element i.
func (s *Set) lastKey(i int, first string) string {
	for _, e := range s.Elements[i+1:] {
		if next := e.parts().key; next != first {
			last, _ := Predecessor([]byte(next))
			return string(last)
		}
	}
	return strings.Repeat("\xff", len(first))
}

// text formats an element as key of those contents.
func (e elementRange) text(s *Set, keys []*content) string {
	var texts []string
	at := 0
	for _, k := range keys {
		size := len(e.key)
		if len(keys) > 1 {
			size = k.size
		}
		if at+size > len(e.key) {
			break
		}
		last := ""
		if len(e.last) == len(e.key) {
			last = e.last[at : at+size]
		}
		texts = append(texts, k.rangeText([]byte(e.key[at:at+size]), []byte(last), s))
		at += RegisterLen(size)
	}
	return string(s.appendRest([]byte(strings.Join(texts, " . ")), e.parts))
}

// rangeText formats keys of a set; last is empty for a single one. Sets of intervals have
// keys in network byte order.
func (o *content) rangeText(first, last []byte, of *Set) string {
	key := *o
	key.devices = of.devices
	key.swapped = o.kind.IsHostOrder() && of.isInterval() || o.swapped
	low, okLow := netip.AddrFromSlice(first)
	high, okHigh := netip.AddrFromSlice(last)
	switch {
	case (len(last) == 0 || slices.Equal(first, last)) && o.kind.IsFlags():
		return strings.ReplaceAll(key.value(first), ",", " | ")
	case len(last) == 0 || slices.Equal(first, last):
		return key.value(first)
	case o.kind == nftname.Address && okLow && okHigh:
		return rangeText(low, high)
	case o.kind == nftname.InterfaceName:
		return fmt.Sprintf("%q", strings.TrimRight(string(first), "\x00")+"*")
	}
	return key.numeric(first) + "-" + key.numeric(last)
}

// dataText formats the value of a map.
func (s *Set) dataText(data string) string {
	if half := len(data) / 2; s.DataType == typeIPv4 && half == 4 || s.DataType == typeIPv6 && half == 16 {
		first, _ := addrOf(data[:half]) // snat prefix
		last, _ := addrOf(data[half:])
		return rangeText(first, last)
	}
	if s.DataType == typeIPv4 || s.DataType == typeIPv6 || s.DataType == typeMark {
		return valueText(s.DataType, data)
	}
	var texts []string
	for _, o := range contentsOf(s.DataType, len(data), s.DataHost) {
		if len(data) < o.size {
			return fmt.Sprintf("0x%x", data)
		}
		o.devices = s.devices
		texts = append(texts, o.value([]byte(data[:o.size])))
		data = data[min(len(data), RegisterLen(o.size)):]
	}
	return strings.Join(texts, " . ")
}

// contentsOf returns the parts of values by nft's number of their type.
func contentsOf(typ uint32, size int, host bool) (list []*content) {
	for shift := 30 - typeBits; shift >= 0; shift -= typeBits {
		number := typ >> shift & typeMask
		if number == 0 {
			continue
		}
		kind, known := nftname.OfType(number)
		switch {
		case host && (kind == nftname.Number || !known):
			kind = nftname.HostNumber
		case !known:
			kind = nftname.Raw
		}
		o := &content{kind: kind, size: kind.Size()}
		if number == typeIPv6 {
			o.size = 16
		}
		if typ <= typeMask {
			o.size = size
		}
		list = append(list, o)
	}
	return list
}

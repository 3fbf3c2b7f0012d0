package nft

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables/userdata"
)

// An AddressRange is a range of addresses, First and Last included.
type AddressRange struct{ First, Last netip.Addr }

// An Interval is an interval or single element of a set, as nft lists it. Its addresses are
// invalid if the keys of the set have neither 4 nor 16 bytes.
type Interval struct {
	AddressRange

	text string
}

// intervals merges the start and the end of each interval.
func (s *Set) intervals() []Interval {
	var list []Interval
	for i, e := range s.Elements {
		p := e.parts()
		if p.end {
			continue
		}
		listed := Interval{text: valueText(s.KeyType, p.key)}
		if first, ok := addrOf(p.key); ok {
			listed.AddressRange = AddressRange{first, s.lastOf(i, first)}
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
	return lastAddr(netip.PrefixFrom(first, 0))
}

// rangeText formats a range, as an address or a network if possible.
func rangeText(first, last netip.Addr) string {
	if first == last {
		return first.String()
	}
	for bits := range first.BitLen() {
		if p := netip.PrefixFrom(first, bits); p.Masked() == p && lastAddr(p) == last {
			return p.String()
		}
	}
	return first.String() + "-" + last.String()
}

// listed returns the elements as nft lists them; an interval is one.
func (s *Set) listed() []Interval {
	if s.isInterval() {
		return s.intervals()
	}
	list := make([]Interval, len(s.Elements))
	for i, e := range s.Elements {
		address, _ := addrOf(e.parts().key)
		list[i] = Interval{AddressRange{address, address}, s.elementText(e)}
	}
	return list
}

// elementText formats an element; for an interval, its start.
func (s *Set) elementText(e Element) string {
	p := e.parts()
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
	case p.data != "":
		b = appendValueText(append(b, " : "...), s.DataType, p.data)
	}
	if p.unknown {
		b = append(b, " (and more)"...)
	}
	return b
}

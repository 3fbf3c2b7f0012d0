package nft

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// NFTA_SET_ELEM_KEY_END is missing in golang.org/x/sys/unix.
const nftaSetElemKeyEnd = 10

// elementKey is the Key of an element for a value.
func elementKey(value []byte) string { return string(appendValue(nil, unix.NFTA_SET_ELEM_KEY, value)) }

// intervalEnd is the Key of the element that ends the interval below value.
func intervalEnd(value []byte) string {
	b := appendValue(nil, unix.NFTA_SET_ELEM_KEY, value)
	return string(appendUint32(b, unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END))
}

// mapped is the Rest of a map's element.
func mapped(value []byte) string { return string(appendValue(nil, unix.NFTA_SET_ELEM_DATA, value)) }

// mappedGoto is the Rest of a verdict map's element that goes to a chain.
func mappedGoto(chain string) string {
	code := expr.VerdictGoto
	verdict := appendUint32(nil, unix.NFTA_VERDICT_CODE, uint32(code))
	verdict = appendText(verdict, unix.NFTA_VERDICT_CHAIN, chain)
	data := appendAttribute(nil, unix.NFTA_DATA_VERDICT, verdict)
	return string(appendAttribute(nil, unix.NFTA_SET_ELEM_DATA, data))
}

// withUserdata is the Rest of an element of a set with userdata.
func withUserdata(data []byte) string {
	return string(appendAttribute(nil, unix.NFTA_SET_ELEM_USERDATA, data))
}

// appendValue adds a value as the kernel dumps it: without NLA_F_NESTED, which it
// does not ask for either.
func appendValue(b []byte, typ uint16, value []byte) []byte {
	return appendAttribute(b, typ, appendAttribute(nil, unix.NFTA_DATA_VALUE, value))
}

// parts are the attributes of an element that the package reads.
type parts struct {
	key, data       []byte
	end             bool // this element ends an interval
	verdict         int32
	chain           string // of verdicts
	userdata        []byte
	isVerdict, more bool // more: there are attributes that the package does not know
}

func (e Element) parts() parts {
	var p parts
	eachAttribute(e.Key, func(typ uint16, data []byte) {
		switch typ {
		case unix.NFTA_SET_ELEM_KEY:
			p.key = dataValue(data)
		case unix.NFTA_SET_ELEM_FLAGS:
			p.end = len(data) == 4 && binary.BigEndian.Uint32(data)&unix.NFT_SET_ELEM_INTERVAL_END != 0
		default:
			p.more = true
		}
	})
	eachAttribute(e.Rest, func(typ uint16, data []byte) {
		switch typ {
		case unix.NFTA_SET_ELEM_DATA:
			p.data = dataValue(data)
			p.verdict, p.chain, p.isVerdict = dataVerdict(data)
		case unix.NFTA_SET_ELEM_USERDATA:
			p.userdata = data
		default:
			p.more = true
		}
	})
	return p
}

// dataValue is the value of a nested NFTA_DATA_VALUE; nil when there is none.
func dataValue(nested []byte) (value []byte) {
	eachAttribute(string(nested), func(typ uint16, data []byte) {
		if typ == unix.NFTA_DATA_VALUE {
			value = data
		}
	})
	return value
}

func dataVerdict(nested []byte) (code int32, chain string, ok bool) {
	eachAttribute(string(nested), func(typ uint16, data []byte) {
		if typ != unix.NFTA_DATA_VERDICT {
			return
		}
		eachAttribute(string(data), func(typ uint16, data []byte) {
			switch {
			case typ == unix.NFTA_VERDICT_CODE && len(data) == 4:
				code, ok = int32(binary.BigEndian.Uint32(data)), true
			case typ == unix.NFTA_VERDICT_CHAIN:
				chain = strings.TrimRight(string(data), "\x00")
			}
		})
	})
	return code, chain, ok
}

// eachAttribute calls f for each attribute, flags stripped from the type. What
// is cut short ends it: the kernel does not send that, and a caller that needs
// to know compares what it got.
func eachAttribute(b string, f func(typ uint16, data []byte)) {
	d, err := netlink.NewAttributeDecoder([]byte(b))
	if err != nil {
		return
	}
	for d.Next() {
		f(d.Type(), d.Bytes())
	}
}

// sortElements brings elements into the order in which nft lists them: that of
// their values. Where one interval ends another may begin: the end comes first,
// or the kernel takes the second for a part of the first.
func sortElements(s *Set) {
	slices.SortFunc(s.Elements, func(a, b Element) int {
		if s.KeyHost {
			return cmp.Compare(hostKey(a), hostKey(b))
		}
		// Key begins with the value; that of an end goes on with flags.
		n := min(len(a.Key), len(b.Key))
		return cmp.Or(cmp.Compare(a.Key[:n], b.Key[:n]), cmp.Compare(len(b.Key), len(a.Key)))
	})
}

func hostKey(e Element) uint32 {
	if key := e.parts().key; len(key) == 4 {
		return binary.NativeEndian.Uint32(key)
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

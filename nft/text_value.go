package nft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// bitwise prints a mask of known register contents.
func (p *rulePrinter) bitwise(e Expression, bitwise *expr.Bitwise) {
	mask, xor := bitwise.Mask, bitwise.Xor
	if p.register == "" || p.printed || mask == nil || len(mask) != len(xor) {
		p.unknown(e)
		return
	}
	switch zero, kept := make([]byte, len(mask)), bytes.Repeat([]byte{0xff}, len(mask)); {
	case bytes.Equal(xor, zero) && strings.HasSuffix(p.register, "addr") && prefixLen(mask) > 0:
		p.prefix = prefixLen(mask)
	case bytes.Equal(xor, zero) && ctBits[p.register] != nil:
		p.flags = mask
	case bytes.Equal(xor, zero):
		p.register += " & " + p.value(mask)
	case bytes.Equal(mask, kept):
		p.register += " ^ " + p.value(xor)
	case bytes.Equal(complement(mask), xor):
		p.register += " | " + p.value(xor)
	default:
		p.register += " & " + p.value(mask) + " ^ " + p.value(xor)
	}
}

// byteorder prints nothing: nft converts a value before it compares it with a range.
func (p *rulePrinter) byteorder(e Expression) {
	order, ok := e.Typed(p.family).(*expr.Byteorder)
	if !ok || order.SourceRegister != order.DestRegister || order.Len != order.Size || p.register == "" || p.printed || strings.Contains(p.register, " . ") {
		p.unknown(e)
		return
	}
	p.swapped = order.Op == expr.ByteorderHton
}

// compareFlags prints a comparison of flags of the register: nft omits a mask if one of the
// flags is tested.
func (p *rulePrinter) compareFlags(cmp *expr.Cmp) {
	names, ok := bitsText(p.register, p.flags)
	switch zero := strings.Trim(string(cmp.Data), "\x00") == ""; {
	case ok && zero && cmp.Op == expr.CmpOpNeq:
		p.write("%s %s", p.register, names)
	default:
		p.write("%s & 0x%x %s %s", p.register, p.flags, [...]string{"==", "!=", "<", "<=", ">", ">="}[cmp.Op%6], p.value(cmp.Data))
	}
}

// complement inverts all bits.
func complement(mask []byte) []byte {
	other := make([]byte, len(mask))
	for i, b := range mask {
		other[i] = ^b
	}
	return other
}

// prefixLen returns the prefix length of a mask; 0 if it is not a prefix.
func prefixLen(mask []byte) int {
	ones, bits := net.IPMask(mask).Size()
	if bits == 0 {
		return 0
	}
	return ones
}

// value formats the right side of a comparison with the register.
func (p *rulePrinter) value(b []byte) string {
	if p.swapped {
		b = bytes.Clone(b)
		slices.Reverse(b)
	}
	if text, ok := ctValue(p.register, b); ok {
		return text
	}
	switch {
	case strings.HasPrefix(p.register, "meta mark"):
		return valueText(typeMark, b)
	case strings.Contains(p.register, "addr"):
		return valueText(addrType(p.family), append(bytes.Clone(b), make([]byte, max(0, int(addrLen(p.family))-len(b)))...))
	case strings.HasSuffix(p.register, "ifname"):
		return fmt.Sprintf("%q", strings.TrimRight(string(b), "\x00"))
	case p.register == "meta nfproto" && len(b) == 1 && (b[0] == unix.NFPROTO_IPV4 || b[0] == unix.NFPROTO_IPV6):
		return map[byte]string{unix.NFPROTO_IPV4: "ipv4", unix.NFPROTO_IPV6: "ipv6"}[b[0]]
	case p.holdsProtocol() && len(b) == 1:
		return protocolName(b[0])
	case strings.HasPrefix(p.register, "socket ") && len(b) == 1:
		return fmt.Sprint(b[0])
	case isNumberField(p.register):
		return numberText(b)
	case metaNumbers[p.register] && len(b) == 4:
		return fmt.Sprint(hostOrdered(b))
	case strings.HasPrefix(p.register, "@"):
		return fmt.Sprintf("%#x", new(big.Int).SetBytes(b))
	case len(b) == 2:
		return fmt.Sprint(binary.BigEndian.Uint16(b))
	}
	return fmt.Sprintf("0x%x", b)
}

// metaNames are the names in nft(8), "META EXPRESSIONS", by key.
var metaNames = map[expr.MetaKey]string{
	expr.MetaKeyPROTOCOL: "meta protocol", expr.MetaKeyMARK: "meta mark",
	expr.MetaKeyIIF: "iif", expr.MetaKeyOIF: "oif", expr.MetaKeyIIFNAME: "iifname", expr.MetaKeyOIFNAME: "oifname",
	expr.MetaKeyLEN: "meta length", expr.MetaKeyCPU: "meta cpu", expr.MetaKeyIIFGROUP: "iifgroup", expr.MetaKeyOIFGROUP: "oifgroup",
	expr.MetaKeySKUID: "meta skuid", expr.MetaKeySKGID: "meta skgid", expr.MetaKeyCGROUP: "meta cgroup", expr.MetaKeyRTCLASSID: "meta rtclassid",
	expr.MetaKeyNFPROTO: "meta nfproto", expr.MetaKeyL4PROTO: "meta l4proto",
}

// MetaName returns nft's name of a key; "[meta 7]" if it is unknown.
func MetaName(key expr.MetaKey) string {
	if name, ok := metaNames[key]; ok {
		return name
	}
	return fmt.Sprintf("[meta %d]", key)
}

// baseName returns nft's name of a header; nft(8), "RAW PAYLOAD EXPRESSION".
func baseName(base expr.PayloadBase) string {
	switch base {
	case expr.PayloadBaseLLHeader:
		return "ll"
	case expr.PayloadBaseNetworkHeader:
		return "nh"
	case expr.PayloadBaseTransportHeader:
		return "th"
	}
	return fmt.Sprint(base)
}

// socket prints what nft compares with 0 or 1; other properties of sockets are unknown.
func (p *rulePrinter) socket(e Expression, socket *expr.Socket) {
	switch socket.Key {
	case expr.SocketKeyTransparent:
		p.load(e, socket.Register, "socket transparent")
	case expr.SocketKeyWildcard:
		p.load(e, socket.Register, "socket wildcard")
	default:
		p.unknown(e)
	}
}

// An Interval is an interval or single element of a set, as nft lists it. Its addresses are
// invalid if the keys of the set have neither 4 nor 16 bytes.
type Interval struct {
	AddressRange

	text  string
	start Element
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
			listed.text = listed.String()
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

// listed returns the elements as nft lists them; an interval is one.
func (s *Set) listed() []Interval {
	if s.isInterval() {
		return s.intervals()
	}
	list := make([]Interval, len(s.Elements))
	for i, e := range s.Elements {
		address, _ := addrOf(e.parts().key)
		list[i] = Interval{config.SingleAddress(address), s.elementText(e), e}
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

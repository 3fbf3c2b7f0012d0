package nft

import (
	"encoding/binary"
	"iter"
	"slices"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// An Expression is an expression of a rule in wire format. Typed decodes it.
type Expression struct {
	Name string // in the kernel: "cmp", "payload", "immediate", …
	Data string // the content of NFTA_EXPR_DATA: netlink attributes
}

// All yields the expressions of the rule in order.
func (r *Rule) All() iter.Seq[Expression] {
	return func(yield func(Expression) bool) {
		for _, item := range netlink.Attributes(r.Expressions) {
			if !yield(readExpression(item)) {
				return
			}
		}
	}
}

// readExpression decodes the content of an NFTA_LIST_ELEM.
func readExpression(item string) (e Expression) {
	for typ, data := range netlink.Attributes(item) {
		switch typ {
		case unix.NFTA_EXPR_NAME:
			e.Name = strings.TrimRight(data, "\x00")
		case unix.NFTA_EXPR_DATA:
			e.Data = data
		}
	}
	return e
}

// newExpression encodes an expression of google/nftables.
func newExpression(f Family, typed expr.Any) (Expression, error) {
	data, err := expr.Marshal(byte(f), typed)
	return readExpression(string(data)), err
}

// expressionList encodes the content of NFTA_RULE_EXPRESSIONS, as the kernel dumps it.
func expressionList(list []Expression) string {
	var b []byte
	for _, e := range list {
		data := netlink.AppendText(nil, unix.NFTA_EXPR_NAME, e.Name)
		if e.Data != "" {
			data = netlink.AppendAttribute(data, unix.NFTA_EXPR_DATA, e.Data)
		}
		b = netlink.AppendAttribute(b, unix.NFTA_LIST_ELEM, data)
	}
	return string(b)
}

// attribute returns the content of an attribute; false if there is none.
func (e Expression) attribute(typ uint16) (string, bool) {
	for have, data := range netlink.Attributes(e.Data) {
		if have == typ {
			return data, true
		}
	}
	return "", false
}

// number returns an attribute of 4 bytes; 0 if there is none.
func (e Expression) number(typ uint16) uint32 {
	if data, _ := e.attribute(typ); len(data) == 4 {
		return uint32Of(data)
	}
	return 0
}

// Extension returns the name of the iptables match or target in the expression; empty for
// other expressions.
func (e Expression) Extension() string {
	if e.Name != "match" && e.Name != "target" {
		return ""
	}
	name, _ := e.attribute(unix.NFTA_MATCH_NAME) // as NFTA_TARGET_NAME
	return strings.TrimRight(name, "\x00")
}

// DestRegister returns the destination register of the expression; false if it has none. It
// also works for expressions without a typed view.
func (e Expression) DestRegister() (register uint32, ok bool) {
	attribute, known := destinationAttributes[e.Name]
	if !known {
		return 0, false
	}
	data, ok := e.attribute(attribute)
	return e.number(attribute), ok && len(data) == 4
}

// SourceRegister returns the first source register of the expression; 0 if it has none or
// if that is unknown. It also works for expressions without a typed view.
func (e Expression) SourceRegister() uint32 { return e.number(sourceAttributes[e.Name]) }

// QueueBypass reports whether packets pass a queue statement if no program reads the queue.
func (e Expression) QueueBypass() bool {
	flags, _ := e.attribute(unix.NFTA_QUEUE_FLAGS)
	return len(flags) == 2 && binary.BigEndian.Uint16([]byte(flags))&unix.NFT_QUEUE_FLAG_BYPASS != 0
}

// ProxyFamily returns the family of the packets that a tproxy statement takes; Inet: of all.
func (e Expression) ProxyFamily() Family {
	const familyAttribute = 1 // NFTA_TPROXY_FAMILY
	if f := Family(e.number(familyAttribute)); f != 0 {
		return f
	}
	return Inet
}

// sourceAttributes are the attributes of source registers, from linux/netfilter/nf_tables.h.
var sourceAttributes = map[string]uint16{
	"bitwise": unix.NFTA_BITWISE_SREG, "byteorder": unix.NFTA_BYTEORDER_SREG, "cmp": unix.NFTA_CMP_SREG, "lookup": unix.NFTA_LOOKUP_SREG,
	"range": unix.NFTA_RANGE_SREG,
}

// destinationAttributes are the attributes of destination registers, from
// linux/netfilter/nf_tables.h.
var destinationAttributes = map[string]uint16{
	"bitwise": unix.NFTA_BITWISE_DREG, "byteorder": unix.NFTA_BYTEORDER_DREG, "ct": unix.NFTA_CT_DREG, "exthdr": unix.NFTA_EXTHDR_DREG,
	"fib": unix.NFTA_FIB_DREG, "hash": unix.NFTA_HASH_DREG, "immediate": unix.NFTA_IMMEDIATE_DREG, "lookup": unix.NFTA_LOOKUP_DREG,
	"meta": unix.NFTA_META_DREG, "numgen": unix.NFTA_NG_DREG, "payload": unix.NFTA_PAYLOAD_DREG, "rt": unix.NFTA_RT_DREG,
	"osf": 1, "socket": 2, "tunnel": 2, "xfrm": 1, // NFTA_OSF_DREG, NFTA_SOCKET_DREG, NFTA_TUNNEL_DREG, NFTA_XFRM_DREG
}

// Typed returns the expression as a type of google/nftables/expr. It returns nil for an
// opaque expression, of which only Data is known: the library has no type for it, or the
// type does not represent all attributes. f is the family of the table; the content of
// iptables matches and targets depends on it.
func (e Expression) Typed(f Family) expr.Any {
	empty, known := types[e.Name]
	if !known {
		return nil
	}
	switch e.Name {
	case "nat":
		e.Data = withoutFlag(e.Data, unix.NFTA_NAT_FLAGS, mapsAddresses)
	case "masq":
		e.Data = withoutFlag(e.Data, unix.NFTA_MASQ_FLAGS, specifiesPorts)
	}
	if typed, ok := e.comparison(); ok {
		return typed
	}
	if typed, ok := e.decode(f, empty()); ok {
		return typed
	}
	return nil
}

// comparison decodes the usual comparison as decode does, but faster: large rulesets have
// hundreds of thousands of them. It returns false for others.
func (e Expression) comparison() (typed *expr.Cmp, ok bool) {
	if e.Name != "cmp" {
		return nil, false
	}
	typed = &expr.Cmp{}
	var order [3]uint16
	n, length := 0, 0
	for typ, data := range netlink.Attributes(e.Data) {
		switch {
		case n == len(order):
			return nil, false
		case typ == unix.NFTA_CMP_SREG && len(data) == 4:
			typed.Register = uint32Of(data)
		case typ == unix.NFTA_CMP_OP && len(data) == 4:
			typed.Op = expr.CmpOp(uint32Of(data))
		case typ == unix.NFTA_CMP_DATA && len(data) > netlink.AttributeHeaderLen:
			typed.Data = []byte(dataValue(data))
			ok = netlink.AttributeHeaderLen+netlink.Aligned(len(typed.Data)) == len(data)
		}
		order[n] = typ
		n++
		length += netlink.AttributeHeaderLen + len(data)
	}
	return typed, ok && length == len(e.Data) && order == [...]uint16{unix.NFTA_CMP_SREG, unix.NFTA_CMP_OP, unix.NFTA_CMP_DATA}
}

// decode decodes into a type of the library, encodes the result again, and compares. The
// library does not check the length of some attributes, and panics if they are too short.
func (e Expression) decode(f Family, typed expr.Any) (_ expr.Any, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if register, fills := e.DestRegister(); e.Name == "immediate" && fills && register == unix.NFT_REG_VERDICT {
		typed = &expr.Verdict{}
	}
	if order, ok := typed.(*expr.Byteorder); ok {
		e.readByteorder(order)
	} else if expr.Unmarshal(byte(f), []byte(e.Data), typed) != nil {
		return nil, false
	}
	encoded, err := expr.MarshalExprData(byte(f), typed)
	return typed, err == nil && containsAttributes(e.Data, string(encoded), defaults[e.Name]) && containsAttributes(string(encoded), e.Data, defaults[e.Name])
}

// types are the types of the library by the kernel's name. The library does not export its
// own list, which is incomplete.
var types = map[string]func() expr.Any{
	"bitwise": empty[expr.Bitwise], "byteorder": empty[expr.Byteorder], "cmp": empty[expr.Cmp], "connlimit": empty[expr.Connlimit],
	"counter": empty[expr.Counter], "ct": empty[expr.Ct], "dup": empty[expr.Dup], "dynset": empty[expr.Dynset], "exthdr": empty[expr.Exthdr],
	"fib": empty[expr.Fib], "flow_offload": empty[expr.FlowOffload], "hash": empty[expr.Hash], "immediate": empty[expr.Immediate],
	"limit": empty[expr.Limit], "log": empty[expr.Log], "lookup": empty[expr.Lookup], "masq": empty[expr.Masq], "match": empty[expr.Match],
	"meta": empty[expr.Meta], "nat": empty[expr.NAT], "numgen": empty[expr.Numgen], "objref": empty[expr.Objref], "payload": empty[expr.Payload],
	"queue": empty[expr.Queue], "quota": empty[expr.Quota], "range": empty[expr.Range], "redir": empty[expr.Redir], "reject": empty[expr.Reject],
	"socket": empty[expr.Socket], "synproxy": empty[expr.SynProxy], "target": empty[expr.Target], "tproxy": empty[expr.TProxy],
}

func empty[T any, P interface {
	*T
	expr.Any
}]() expr.Any {
	return P(new(T))
}

// readByteorder decodes a byteorder expression, which the library can only encode.
func (e Expression) readByteorder(to *expr.Byteorder) {
	to.SourceRegister, to.DestRegister = e.number(unix.NFTA_BYTEORDER_SREG), e.number(unix.NFTA_BYTEORDER_DREG)
	to.Op = expr.ByteorderOp(e.number(unix.NFTA_BYTEORDER_OP))
	to.Len, to.Size = e.number(unix.NFTA_BYTEORDER_LEN), e.number(unix.NFTA_BYTEORDER_SIZE)
}

// Flags of translations that the library does not support. The kernel sets them if there is an
// address, or a port for masquerade (nft_nat_init and nft_masq_init of net/netfilter).
const (
	mapsAddresses  = 1 // NF_NAT_RANGE_MAP_IPS
	specifiesPorts = 2 // NF_NAT_RANGE_PROTO_SPECIFIED
)

// withoutFlag removes a flag from an attribute of 32 bits, in network byte order.
func withoutFlag(attributes string, flags uint16, flag uint32) string {
	var b []byte
	for typ, data := range netlink.Attributes(attributes) {
		if typ == flags && len(data) == 4 {
			b = netlink.AppendBigEndian32(b, typ, uint32Of(data)&^flag)
			continue
		}
		b = netlink.AppendAttribute(b, typ, data)
	}
	return string(b)
}

// defaults are attributes that may be omitted if they are zero: the kernel lists some that
// the library omits, and the library encodes one that the kernel does not list.
var defaults = map[string][]uint16{
	"bitwise": {6}, // NFTA_BITWISE_OP: mask and xor
	"exthdr":  {unix.NFTA_EXTHDR_FLAGS},
	"hash":    {unix.NFTA_HASH_OFFSET, unix.NFTA_HASH_SEED, unix.NFTA_HASH_TYPE},
	"lookup":  {unix.NFTA_LOOKUP_FLAGS, unix.NFTA_LOOKUP_SET_ID}, // not inverted; a set by name
	"masq":    {unix.NFTA_MASQ_FLAGS},
	"nat":     {unix.NFTA_NAT_FLAGS},
	"payload": {unix.NFTA_PAYLOAD_CSUM_TYPE, unix.NFTA_PAYLOAD_CSUM_OFFSET, unix.NFTA_PAYLOAD_CSUM_FLAGS},
	"socket":  {expr.NFTA_SOCKET_LEVEL},
}

// containsAttributes reports whether each of attrs is in others, or is an optional zero.
func containsAttributes(attrs, others string, optional []uint16) bool {
	for len(attrs) > 0 {
		typ, data, n := netlink.FirstAttribute(attrs)
		if n == 0 {
			return false
		}
		attrs = attrs[n:]
		other, nested, found := findAttribute(others, typ&^netlink.AttributeFlags)
		nested = nested || typ&unix.NLA_F_NESTED != 0
		switch {
		case found && nested && containsAttributes(data, other, nil) && containsAttributes(other, data, nil):
		case found && sameContent(data, other):
		case !found && slices.Contains(optional, typ&^netlink.AttributeFlags) && strings.Trim(data, "\x00") == "":
		default:
			return false
		}
	}
	return true
}

func findAttribute(attrs string, typ uint16) (data string, nested, ok bool) {
	for len(attrs) > 0 {
		have, data, n := netlink.FirstAttribute(attrs)
		if n == 0 {
			break
		}
		if have&^netlink.AttributeFlags == typ {
			return data, have&unix.NLA_F_NESTED != 0, true
		}
		attrs = attrs[n:]
	}
	return "", false, false
}

// sameContent compares attributes. Strings may end with a NUL or not, and iptables matches
// may be padded.
func sameContent(a, b string) bool {
	return a == b || len(a) != len(b) && strings.TrimRight(a, "\x00") == strings.TrimRight(b, "\x00")
}

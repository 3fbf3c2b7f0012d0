package nft

import (
	"iter"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// An Expression is one expression of a rule, as it goes over the wire. Typed is what
// google/nftables makes of it.
type Expression struct {
	Name string // the kernel's: "cmp", "payload", "immediate", …
	Data string // the content of NFTA_EXPR_DATA: netlink attributes
}

// All yields the expressions of the rule, in order.
func (r *Rule) All() iter.Seq[Expression] {
	return func(yield func(Expression) bool) {
		for _, item := range netlink.Attributes(r.Expressions) {
			if !yield(readExpression(item)) {
				return
			}
		}
	}
}

// readExpression reads the content of an NFTA_LIST_ELEM.
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

// expressionList is the content of NFTA_RULE_EXPRESSIONS, as the kernel dumps it.
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

// attribute returns the content of an attribute, false where there is none.
func (e Expression) attribute(typ uint16) (string, bool) {
	for have, data := range netlink.Attributes(e.Data) {
		if have == typ {
			return data, true
		}
	}
	return "", false
}

// number returns an attribute of 4 bytes, 0 where there is none.
func (e Expression) number(typ uint16) uint32 {
	if data, _ := e.attribute(typ); len(data) == 4 {
		return uint32Of(data)
	}
	return 0
}

// Extension names the match or the target of iptables that the expression is; empty
// for any other expression.
func (e Expression) Extension() string {
	if e.Name != "match" && e.Name != "target" {
		return ""
	}
	name, _ := e.attribute(unix.NFTA_MATCH_NAME) // as NFTA_TARGET_NAME
	return strings.TrimRight(name, "\x00")
}

// Fills returns the register that the expression writes its result to, false where it
// writes to none. It works for expressions that have no typed view too.
func (e Expression) Fills() (register uint32, ok bool) {
	attribute, known := destinationAttributes[e.Name]
	if !known {
		return 0, false
	}
	data, ok := e.attribute(attribute)
	return e.number(attribute), ok && len(data) == 4
}

// Reads returns the first register that the expression reads, 0 where it reads none or
// where that is not known. It works for expressions that have no typed view too.
func (e Expression) Reads() uint32 { return e.number(sourceAttributes[e.Name]) }

// sourceAttributes are the attributes that name the register which an expression reads,
// of linux/netfilter/nf_tables.h.
var sourceAttributes = map[string]uint16{
	"bitwise": unix.NFTA_BITWISE_SREG, "byteorder": unix.NFTA_BYTEORDER_SREG, "cmp": unix.NFTA_CMP_SREG, "lookup": unix.NFTA_LOOKUP_SREG,
	"range": unix.NFTA_RANGE_SREG,
}

// destinationAttributes are the attributes that name the register which an expression
// fills, of linux/netfilter/nf_tables.h.
var destinationAttributes = map[string]uint16{
	"bitwise": unix.NFTA_BITWISE_DREG, "byteorder": unix.NFTA_BYTEORDER_DREG, "ct": unix.NFTA_CT_DREG, "exthdr": unix.NFTA_EXTHDR_DREG,
	"fib": unix.NFTA_FIB_DREG, "hash": unix.NFTA_HASH_DREG, "immediate": unix.NFTA_IMMEDIATE_DREG, "lookup": unix.NFTA_LOOKUP_DREG,
	"meta": unix.NFTA_META_DREG, "numgen": unix.NFTA_NG_DREG, "payload": unix.NFTA_PAYLOAD_DREG, "rt": unix.NFTA_RT_DREG,
	"osf": 1, "socket": 2, "tunnel": 2, "xfrm": 1, // NFTA_OSF_DREG, NFTA_SOCKET_DREG, NFTA_TUNNEL_DREG, NFTA_XFRM_DREG
}

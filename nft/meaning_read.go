package nft

import (
	"fmt"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A meaningReader follows the expressions of a rule.
type meaningReader struct {
	table     *Table
	registers [registerSlots * 4]source // by byte
	meaning   meaning
	asks      conditions // since the last statement
}

// meaning reads what the rule does. It reports false where the rule has an
// expression, or an attribute of one, that is none of those that lvsmark's own
// rules are made of: nothing is known about such a rule.
func (t *Table) meaning(r *Rule) (meaning, bool) {
	m := meaningReader{table: t, asks: conditions{}}
	for _, data := range attributes([]byte(r.Expressions)) {
		if !m.expression(readExpression(data)) {
			return meaning{}, false
		}
	}
	if len(m.asks) > 0 {
		m.state(statement{})
	}
	return m.meaning, true
}

// meaningAttributes are those of each expression that are read.
var meaningAttributes = map[string][]uint16{
	"meta":      {unix.NFTA_META_KEY, unix.NFTA_META_DREG, unix.NFTA_META_SREG},
	"payload":   {unix.NFTA_PAYLOAD_BASE, unix.NFTA_PAYLOAD_OFFSET, unix.NFTA_PAYLOAD_LEN, unix.NFTA_PAYLOAD_DREG},
	"cmp":       {unix.NFTA_CMP_SREG, unix.NFTA_CMP_OP, unix.NFTA_CMP_DATA},
	"range":     {unix.NFTA_RANGE_SREG, unix.NFTA_RANGE_OP, unix.NFTA_RANGE_FROM_DATA, unix.NFTA_RANGE_TO_DATA},
	"bitwise":   {unix.NFTA_BITWISE_SREG, unix.NFTA_BITWISE_DREG, unix.NFTA_BITWISE_LEN, unix.NFTA_BITWISE_MASK, unix.NFTA_BITWISE_XOR, nftaBitwiseOp},
	"lookup":    {unix.NFTA_LOOKUP_SET, unix.NFTA_LOOKUP_SREG, unix.NFTA_LOOKUP_DREG, unix.NFTA_LOOKUP_FLAGS, unix.NFTA_LOOKUP_SET_ID},
	"immediate": {unix.NFTA_IMMEDIATE_DREG, unix.NFTA_IMMEDIATE_DATA},
	"nat":       {unix.NFTA_NAT_TYPE, unix.NFTA_NAT_FAMILY, unix.NFTA_NAT_REG_ADDR_MIN, unix.NFTA_NAT_REG_ADDR_MAX, unix.NFTA_NAT_FLAGS},
	"masq":      {},
}

func (m *meaningReader) expression(e rawExpression) bool {
	known, ok := meaningAttributes[e.name]
	if !ok {
		return false
	}
	for typ := range e.attrs {
		if !slices.Contains(known, typ) {
			return false
		}
	}
	switch e.name {
	case "meta":
		return m.meta(e)
	case "payload":
		return m.payload(e)
	case "cmp":
		return m.compare(e)
	case "range":
		return m.inRange(e)
	case "bitwise":
		return m.bitwise(e)
	case "lookup":
		return m.lookup(e)
	case "immediate":
		return m.immediate(e)
	case "nat":
		return m.nat(e)
	}
	m.state(statement{name: "masquerade"})
	return true
}

// state ends a step.
func (m *meaningReader) state(s statement) {
	m.meaning.steps = append(m.meaning.steps, step{m.asks, s})
	m.asks = conditions{}
}

// load fills a register; the kernel fills the rest of the last 32 bits with zeros.
func (m *meaningReader) load(register uint32, bytes []source) bool {
	slot, ok := slotOf(register)
	end := slot*4 + padded(len(bytes))
	if !ok || end > len(m.registers) {
		return false
	}
	for at := slot * 4; at < end; at++ {
		m.registers[at] = source{kind: constantSource}
	}
	copy(m.registers[slot*4:], bytes)
	return true
}

// held are bytes of a register; false: not all of them are known.
func (m *meaningReader) held(register, length uint32) ([]source, bool) {
	slot, ok := slotOf(register)
	end := slot*4 + int(length)
	if !ok || length == 0 || end > len(m.registers) {
		return nil, false
	}
	bytes := m.registers[slot*4 : end]
	return slices.Clone(bytes), !slices.ContainsFunc(bytes, func(s source) bool { return s.kind == unknownSource })
}

func (m *meaningReader) meta(e rawExpression) bool {
	key := e.uint32(unix.NFTA_META_KEY)
	length := metaLengths[key]
	if e.attrs[unix.NFTA_META_SREG] == nil {
		ahead := 0
		if key == unix.NFT_META_MARK {
			ahead = len(m.meaning.steps)
		}
		return length > 0 && m.load(e.uint32(unix.NFTA_META_DREG), metaBytes(key, ahead, length))
	}
	of, ok := m.held(e.uint32(unix.NFTA_META_SREG), length)
	m.state(statement{fmt.Sprintf("meta set %d", key), operandOf(of)})
	return ok
}

func (m *meaningReader) payload(e rawExpression) bool {
	base, offset, length := expr.PayloadBase(e.uint32(unix.NFTA_PAYLOAD_BASE)), e.uint32(unix.NFTA_PAYLOAD_OFFSET), e.uint32(unix.NFTA_PAYLOAD_LEN)
	if length > 16 || e.attrs[unix.NFTA_PAYLOAD_DREG] == nil {
		return false
	}
	switch {
	case base == expr.PayloadBaseTransportHeader:
		m.asks[hasTransportHeader] = true
	case m.table.Family == IPv4 && base == expr.PayloadBaseNetworkHeader && offset == 9 && length == 1:
		// RFC 791. What meta l4proto has for IPv4 is this byte (nft_set_pktinfo_ipv4 of
		// include/net/netfilter/nf_tables_ipv4.h).
		return m.load(e.uint32(unix.NFTA_PAYLOAD_DREG), metaBytes(unix.NFT_META_L4PROTO, 0, 1))
	}
	return m.load(e.uint32(unix.NFTA_PAYLOAD_DREG), packetBytes(base, offset, length))
}

// hasTransportHeader is met by packets whose ports can be loaded: fragments
// behind the first have none.
var hasTransportHeader = condition{of: "transport header"}

func (m *meaningReader) compare(e rawExpression) bool {
	data := dataValue(e.attrs[unix.NFTA_CMP_DATA])
	of, ok := m.held(e.uint32(unix.NFTA_CMP_SREG), uint32(len(data)))
	if !ok {
		return false
	}
	low, high := filled(len(data), 0), filled(len(data), 0xff)
	switch expr.CmpOp(e.uint32(unix.NFTA_CMP_OP)) {
	case expr.CmpOpEq:
		low, high = data, data
	case expr.CmpOpNeq:
		m.asks.holdNot(of, string(data), string(data))
		return true
	case expr.CmpOpLt:
		high, ok = before(data)
	case expr.CmpOpLte:
		high = data
	case expr.CmpOpGt:
		low, ok = after(data)
	case expr.CmpOpGte:
		low = data
	default:
		return false
	}
	return ok && m.asks.hold(of, string(low), string(high))
}

func (m *meaningReader) inRange(e rawExpression) bool {
	from, to := dataValue(e.attrs[unix.NFTA_RANGE_FROM_DATA]), dataValue(e.attrs[unix.NFTA_RANGE_TO_DATA])
	of, ok := m.held(e.uint32(unix.NFTA_RANGE_SREG), uint32(len(from)))
	if !ok || len(from) != len(to) {
		return false
	}
	if e.uint32(unix.NFTA_RANGE_OP) == rangeNeq {
		m.asks.holdNot(of, string(from), string(to))
		return true
	}
	return m.asks.hold(of, string(from), string(to))
}

// rangeNeq is NFT_RANGE_NEQ of enum nft_range_ops.
const rangeNeq = 1

// bitwise is a mask, then a flip of bits.
func (m *meaningReader) bitwise(e rawExpression) bool {
	mask, xor := dataValue(e.attrs[unix.NFTA_BITWISE_MASK]), dataValue(e.attrs[unix.NFTA_BITWISE_XOR])
	of, ok := m.held(e.uint32(unix.NFTA_BITWISE_SREG), uint32(len(mask)))
	if !ok || len(mask) != len(xor) || e.uint32(nftaBitwiseOp) != 0 {
		return false
	}
	for i := range of {
		of[i].mask &= mask[i]
		of[i].flip = of[i].flip&mask[i] ^ xor[i]
	}
	return m.load(e.uint32(unix.NFTA_BITWISE_DREG), of)
}

func (m *meaningReader) lookup(e rawExpression) bool {
	set := m.table.Set(e.text(unix.NFTA_LOOKUP_SET))
	if set == nil {
		return false
	}
	of, ok := m.held(e.uint32(unix.NFTA_LOOKUP_SREG), set.KeyLen)
	if !ok {
		return false
	}
	key, inverse := operandOf(of), e.uint32(unix.NFTA_LOOKUP_FLAGS)&unix.NFT_LOOKUP_F_INV != 0
	to := e.uint32(unix.NFTA_LOOKUP_DREG)
	switch {
	case e.attrs[unix.NFTA_LOOKUP_DREG] == nil:
		m.asks[condition{of: key, set: set.Name, not: inverse}] = true
		return true
	case inverse, set.DataLen > registerSlots*4:
		return false
	case to == unix.NFT_REG_VERDICT:
		m.state(statement{"vmap @" + set.Name, key})
		return true
	}
	m.asks[condition{of: key, set: set.Name}] = true
	return m.load(to, answerBytes(set.Name, key, set.DataLen))
}

func (m *meaningReader) immediate(e rawExpression) bool {
	data := e.attrs[unix.NFTA_IMMEDIATE_DATA]
	if code, chain, ok := dataVerdict(data); ok {
		m.state(statement{name: verdictText(code, chain)})
		return true
	}
	return m.load(e.uint32(unix.NFTA_IMMEDIATE_DREG), constantBytes(dataValue(data)))
}

// nat is a translation to one address. The kernel fills in the other end of the
// range and the flag that says that there is one (nft_nat_init of
// net/netfilter/nft_nat.c).
func (m *meaningReader) nat(e rawExpression) bool {
	const mapsAddresses = 1 // NF_NAT_RANGE_MAP_IPS
	from, to := e.uint32(unix.NFTA_NAT_REG_ADDR_MIN), e.attrs[unix.NFTA_NAT_REG_ADDR_MAX]
	if to != nil && uint32Of(to) != from || e.uint32(unix.NFTA_NAT_FLAGS)|mapsAddresses != mapsAddresses ||
		e.uint32(unix.NFTA_NAT_FAMILY) != uint32(byte(m.table.Family)) {
		return false
	}
	of, ok := m.held(from, addrLen(m.table.Family))
	name := natStatement(e.uint32(unix.NFTA_NAT_TYPE))
	m.state(statement{name, operandOf(of)})
	return ok
}

// natStatement is the name of a translation of that type, NFT_NAT_*.
func natStatement(typ uint32) string { return fmt.Sprintf("nat %d", typ) }

// filled are n bytes of the same value.
func filled(n int, with byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = with
	}
	return b
}

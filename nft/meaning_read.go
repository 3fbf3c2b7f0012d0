package nft

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A meaningReader evaluates the expressions of a rule symbolically.
type meaningReader struct {
	table      *Table
	registers  [RegisterSlots * 4]source // by byte
	meaning    meaning
	conditions conditions // since the last statement
}

// meaning returns the meaning of the rule. It reports false if an expression, or an
// attribute of one, does not occur in lvsmark's own rules.
func (t *Table) meaning(r *Rule) (meaning, bool) {
	m := meaningReader{table: t, conditions: conditions{}}
	for e := range r.All() {
		if !m.expression(e.Typed(t.Family)) {
			return meaning{}, false
		}
	}
	if len(m.conditions) > 0 {
		m.addStep(statement{})
	}
	return m.meaning, true
}

func (m *meaningReader) expression(e expr.Any) bool {
	switch e := e.(type) {
	case *expr.Meta:
		return m.meta(e)
	case *expr.Payload:
		return m.payload(e)
	case *expr.Cmp:
		return m.compare(e)
	case *expr.Range:
		return m.inRange(e)
	case *expr.Bitwise:
		return m.bitwise(e)
	case *expr.Lookup:
		return m.lookup(e)
	case *expr.Immediate:
		return m.load(e.Register, constantBytes(e.Data))
	case *expr.Verdict:
		m.addStep(statement{name: verdictText(e.Kind, e.Chain)})
		return true
	case *expr.Socket:
		return m.socket(e)
	case *expr.Ct:
		return m.originalDestination(e)
	case *expr.NAT:
		return m.nat(e)
	case *expr.Masq:
		m.addStep(masquerading)
		return *e == expr.Masq{}
	}
	return false
}

// addStep ends a step with a statement.
func (m *meaningReader) addStep(s statement) {
	m.meaning.steps = append(m.meaning.steps, step{m.conditions, s})
	m.conditions = conditions{}
}

// load fills a register. The kernel pads the last 32 bits with zeros.
func (m *meaningReader) load(register uint32, bytes []source) bool {
	slot, ok := RegisterSlot(register)
	end := slot*4 + RegisterLen(len(bytes))
	if !ok || end > len(m.registers) {
		return false
	}
	for at := slot * 4; at < end; at++ {
		m.registers[at] = source{kind: constantSource}
	}
	copy(m.registers[slot*4:], bytes)
	return true
}

// read returns bytes of a register; false if some are unknown.
func (m *meaningReader) read(register, length uint32) ([]source, bool) {
	slot, ok := RegisterSlot(register)
	end := slot*4 + int(length)
	if !ok || length == 0 || end > len(m.registers) {
		return nil, false
	}
	bytes := m.registers[slot*4 : end]
	return slices.Clone(bytes), !slices.ContainsFunc(bytes, func(s source) bool { return s.kind == unknownSource })
}

func (m *meaningReader) meta(e *expr.Meta) bool {
	length := metaLengths[e.Key]
	if !e.SourceRegister {
		statements := 0
		if e.Key == expr.MetaKeyMARK {
			statements = len(m.meaning.steps)
		}
		return length > 0 && m.load(e.Register, metaBytes(e.Key, statements, length))
	}
	of, ok := m.read(e.Register, length)
	m.addStep(statement{fmt.Sprintf("meta set %d", e.Key), operandOf(of)})
	return ok
}

func (m *meaningReader) payload(e *expr.Payload) bool {
	if e.Len > 16 || e.OperationType == expr.PayloadWrite {
		return false
	}
	switch {
	case e.Base == expr.PayloadBaseTransportHeader:
		m.conditions[hasTransportHeader] = true
	case m.table.Family == IPv4 && e.Base == expr.PayloadBaseNetworkHeader && e.Offset == 9 && e.Len == 1:
		// The protocol (RFC 791). For IPv4, meta l4proto is this byte (nft_set_pktinfo_ipv4 of
		// include/net/netfilter/nf_tables_ipv4.h).
		return m.load(e.DestRegister, metaBytes(expr.MetaKeyL4PROTO, 0, 1))
	}
	return m.load(e.DestRegister, packetBytes(e.Base, e.Offset, e.Len))
}

func (m *meaningReader) compare(e *expr.Cmp) bool {
	of, ok := m.read(e.Register, uint32(len(e.Data)))
	if !ok {
		return false
	}
	low, high := make([]byte, len(e.Data)), bytes.Repeat([]byte{0xff}, len(e.Data))
	switch e.Op {
	case expr.CmpOpEq:
		low, high = e.Data, e.Data
	case expr.CmpOpNeq:
		m.conditions.exclude(of, string(e.Data), string(e.Data))
		return true
	case expr.CmpOpLt:
		high, ok = Predecessor(e.Data)
	case expr.CmpOpLte:
		high = e.Data
	case expr.CmpOpGt:
		low, ok = Successor(e.Data)
	case expr.CmpOpGte:
		low = e.Data
	default:
		return false
	}
	return ok && m.conditions.require(of, string(low), string(high))
}

func (m *meaningReader) inRange(e *expr.Range) bool {
	of, ok := m.read(e.Register, uint32(len(e.FromData)))
	if !ok || len(e.FromData) != len(e.ToData) {
		return false
	}
	if e.Op == expr.CmpOpNeq {
		m.conditions.exclude(of, string(e.FromData), string(e.ToData))
		return true
	}
	return m.conditions.require(of, string(e.FromData), string(e.ToData))
}

// bitwise applies a mask, then an exclusive or.
func (m *meaningReader) bitwise(e *expr.Bitwise) bool {
	of, ok := m.read(e.SourceRegister, uint32(len(e.Mask)))
	if !ok || len(e.Mask) != len(e.Xor) {
		return false
	}
	for i := range of {
		of[i].mask &= e.Mask[i]
		of[i].flip = of[i].flip&e.Mask[i] ^ e.Xor[i]
	}
	return m.load(e.DestRegister, of)
}

func (m *meaningReader) lookup(e *expr.Lookup) bool {
	set := m.table.Set(e.SetName)
	if set == nil {
		return false
	}
	of, ok := m.read(e.SourceRegister, set.KeyLen)
	if !ok {
		return false
	}
	key := operandOf(of)
	switch {
	case !e.IsDestRegSet:
		m.conditions[condition{of: key, set: set.Name, not: e.Invert}] = true
		return true
	case e.Invert, set.DataLen > RegisterSlots*4:
		return false
	case e.DestRegister == unix.NFT_REG_VERDICT:
		m.addStep(verdictStatement(set, of))
		return true
	}
	m.conditions[condition{of: key, set: set.Name}] = true
	return m.load(e.DestRegister, lookupBytes(set.Name, key, set.DataLen))
}

// socket loads whether the socket of the packet is bound to all addresses. A packet without
// a socket does not match the rule (nft_socket_eval of net/netfilter/nft_socket.c).
func (m *meaningReader) socket(e *expr.Socket) bool {
	if (*e != expr.Socket{Key: expr.SocketKeyWildcard, Register: e.Register}) {
		return false
	}
	m.conditions[hasSocket] = true
	return m.load(e.Register, []source{{kind: socketSource, base: uint32(e.Key), mask: 0xff}})
}

// originalDestination loads the destination of the connection's first packet. A packet
// without a connection does not match the rule (nft_ct_get_eval of net/netfilter/nft_ct.c).
func (m *meaningReader) originalDestination(e *expr.Ct) bool {
	if (*e != expr.Ct{Key: originalDestination(m.table.Family), Register: e.Register, Direction: expr.CtDirOriginal}) {
		return false
	}
	m.conditions[hasConnection] = true
	return m.load(e.Register, originalBytes(m.table.Family))
}

// nat is a translation to one address. The kernel adds the other end of the range
// (nft_nat_init of net/netfilter/nft_nat.c).
func (m *meaningReader) nat(e *expr.NAT) bool {
	want := expr.NAT{Type: e.Type, Family: uint32(m.table.Family), RegAddrMin: e.RegAddrMin, RegAddrMax: e.RegAddrMax}
	if *e != want || e.RegAddrMax != 0 && e.RegAddrMax != e.RegAddrMin {
		return false
	}
	of, ok := m.read(e.RegAddrMin, addrLen(m.table.Family))
	m.addStep(statement{natStatement(e.Type), operandOf(of)})
	return ok
}

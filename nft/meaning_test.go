package nft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMeaningOfRandomRules interprets random rules of few fields and values, so that many
// have the same meaning. Rules with the same meaning have the same effect on random packets.
func TestMeaningOfRandomRules(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	byMeaning := map[string][]*Rule{}
	table := &Table{Family: IPv4}
	for range 20_000 {
		rule := randomRule(r)
		if m, ok := table.meaning(rule); ok {
			byMeaning[m.String()] = append(byMeaning[m.String()], rule)
		}
	}
	compared := 0
	for _, rules := range byMeaning {
		for _, other := range rules[1:] {
			if rules[0].Expressions == other.Expressions {
				continue
			}
			compared++
			for range 50 {
				packet := randomPacket(r)
				require.Equal(t, interpret(t, rules[0], packet), interpret(t, other, packet),
					"%s\n%s\n%v", rules[0].Text(IPv4), other.Text(IPv4), packet)
			}
		}
	}
	assert.Greater(t, compared, 1000, "rules of the same meaning")
}

func randomRule(r *rand.Rand) *Rule {
	b := newRule(IPv4)
	value := func(n int) []byte {
		v := make([]byte, n)
		for i := range v {
			v[i] = byte(r.IntN(3))
		}
		return v
	}
	for range 1 + r.IntN(3) {
		n := 1 + r.IntN(2)
		b.add(&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: uint32(r.IntN(2)), Len: uint32(n)})
		if r.IntN(4) == 0 {
			b.add(&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: uint32(n), Mask: bytes.Repeat([]byte{byte(1 + r.IntN(3))}, n), Xor: value(n)})
		}
		if r.IntN(3) == 0 {
			b.add(&expr.Range{Op: expr.CmpOp(r.IntN(2)), Register: reg, FromData: value(n), ToData: value(n)})
		} else {
			for range 1 + r.IntN(2) {
				b.add(&expr.Cmp{Op: expr.CmpOp(r.IntN(6)), Register: reg, Data: value(n)})
			}
		}
		if r.IntN(4) == 0 {
			b.add(&expr.Immediate{Register: reg, Data: markBytes(uint32(r.IntN(2)))}).setMark()
		}
	}
	return b.accept().rule()
}

func randomPacket(r *rand.Rand) []byte {
	return []byte{byte(r.IntN(4)), byte(r.IntN(4)), byte(r.IntN(4))}
}

// interpret applies a rule to the transport header of a packet as the kernel does. It
// returns the mark of the packet and whether it was accepted.
func interpret(t *testing.T, rule *Rule, header []byte) string {
	var register []byte
	mark := "no mark"
	for expression := range rule.All() {
		holds := true
		switch e := expression.Typed(IPv4).(type) {
		case *expr.Payload:
			register = bytes.Clone(header[e.Offset : e.Offset+e.Len])
		case *expr.Bitwise:
			for i := range register {
				register[i] = register[i]&e.Mask[i] ^ e.Xor[i]
			}
		case *expr.Range:
			within := bytes.Compare(register, e.FromData) >= 0 && bytes.Compare(register, e.ToData) <= 0
			holds = within == (e.Op == expr.CmpOpEq)
		case *expr.Cmp:
			order := bytes.Compare(register, e.Data)
			holds = map[expr.CmpOp]bool{
				expr.CmpOpEq: order == 0, expr.CmpOpNeq: order != 0, expr.CmpOpLt: order < 0,
				expr.CmpOpLte: order <= 0, expr.CmpOpGt: order > 0, expr.CmpOpGte: order >= 0,
			}[e.Op]
		case *expr.Meta:
			mark = fmt.Sprint("mark ", binary.NativeEndian.Uint32(register))
		case *expr.Immediate:
			register = e.Data
		case *expr.Verdict:
			return mark + ", accepted"
		default:
			require.Fail(t, expression.Name)
		}
		if !holds {
			return mark
		}
	}
	return mark
}

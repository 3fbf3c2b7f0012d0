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
	"golang.org/x/sys/unix"
)

// TestMeaningOfRandomRules interprets rules of few fields and values, so that many
// have the same meaning: those do the same to every packet that is tried.
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

// interpret does to a packet, whose transport header it is given, what the kernel
// would: it says which mark the packet got, and whether it was accepted.
func interpret(t *testing.T, rule *Rule, header []byte) string {
	var register []byte
	mark := "no mark"
	for _, data := range attributes([]byte(rule.Expressions)) {
		e := readExpression(data)
		holds := true
		switch e.name {
		case "payload":
			at := e.uint32(unix.NFTA_PAYLOAD_OFFSET)
			register = bytes.Clone(header[at : at+e.uint32(unix.NFTA_PAYLOAD_LEN)])
		case "bitwise":
			register = bitwise(dataValue(e.attrs[unix.NFTA_BITWISE_MASK]), dataValue(e.attrs[unix.NFTA_BITWISE_XOR]))(register)
		case "range":
			within := bytes.Compare(register, dataValue(e.attrs[unix.NFTA_RANGE_FROM_DATA])) >= 0 &&
				bytes.Compare(register, dataValue(e.attrs[unix.NFTA_RANGE_TO_DATA])) <= 0
			holds = within == (e.uint32(unix.NFTA_RANGE_OP) == 0)
		case "cmp":
			order := bytes.Compare(register, dataValue(e.attrs[unix.NFTA_CMP_DATA]))
			holds = map[expr.CmpOp]bool{
				expr.CmpOpEq: order == 0, expr.CmpOpNeq: order != 0, expr.CmpOpLt: order < 0,
				expr.CmpOpLte: order <= 0, expr.CmpOpGt: order > 0, expr.CmpOpGte: order >= 0,
			}[expr.CmpOp(e.uint32(unix.NFTA_CMP_OP))]
		case "meta":
			mark = fmt.Sprint("mark ", binary.NativeEndian.Uint32(register))
		case "immediate":
			if value := dataValue(e.attrs[unix.NFTA_IMMEDIATE_DATA]); len(value) > 0 {
				register = value
				continue
			}
			return mark + ", accepted"
		default:
			require.Fail(t, e.name)
		}
		if !holds {
			return mark
		}
	}
	return mark
}

package nft

import (
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
)

// TestMeaningOfRules compares the meaning of a rule with that of its default form.
func TestMeaningOfRules(t *testing.T) {
	port := &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}
	isPort := func(low byte) *expr.Cmp { return &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{0, low}} }
	between := func(low, high byte) *expr.Range {
		return &expr.Range{Op: expr.CmpOpEq, Register: reg, FromData: []byte{low, low}, ToData: []byte{high, high}}
	}
	accept := &expr.Verdict{Kind: expr.VerdictAccept}
	without := meaningOf(t, port, accept)
	assert.Equal(t, without, meaningOf(t, port, between(0, 0xff), accept), "all ports")
	assert.NotEqual(t, without, meaningOf(t, port, between(0, 0xfe), accept), "not all ports")
	assert.NotEqual(t, without, meaningOf(t, port, between(1, 0xff), accept), "not all ports")
	assert.NotEqual(t, meaningOf(t, port, isPort(21)), meaningOf(t, port, isPort(22)), "rules without a statement")
}

// TestPaddedLoad: a shorter value fills the rest of its 32 bits with zeros, whatever they were.
func TestPaddedLoad(t *testing.T) {
	protocol := &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg}
	isTCP := &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{6, 0, 0, 0}}
	accept := &expr.Verdict{Kind: expr.VerdictAccept}
	want := meaningOf(t, protocol, isTCP, accept)
	assert.Equal(t, want, meaningOf(t, &expr.Meta{Key: expr.MetaKeyMARK, Register: reg}, protocol, isTCP, accept))
	assert.Equal(t, want, meaningOf(t, protocol, &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{6}}, accept))
}

func meaningOf(t *testing.T, exprs ...expr.Any) string {
	t.Helper()
	m, ok := (&Table{Family: IPv4}).meaning(newRule(IPv4).add(exprs...).rule())
	assert.True(t, ok)
	return m.String()
}

// TestUnknownMeaning loads a value that no rule of lvsmark loads: the register does not keep
// the value before.
func TestUnknownMeaning(t *testing.T) {
	rule := newRule(IPv4).add(
		&expr.Meta{Key: expr.MetaKeyMARK, Register: reg}, &expr.Meta{Key: expr.MetaKeyCPU, Register: reg},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: markBytes(1)},
	).rule()
	_, ok := (&Table{Family: IPv4}).meaning(rule)
	assert.False(t, ok)
}

package firewall

import (
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/nft"
)

// ruleOf returns a rule of expressions.
func ruleOf(t *testing.T, exprs ...expr.Any) *nft.Rule {
	t.Helper()
	var list []byte
	for _, e := range exprs {
		data, err := expr.Marshal(byte(nft.IPv4), e)
		require.NoError(t, err)
		list = netlink.AppendAttribute(list, unix.NLA_F_NESTED|unix.NFTA_LIST_ELEM, data)
	}
	return &nft.Rule{Expressions: string(list)}
}

// TestKindOf: the kind of a rule is that of its most powerful expression.
func TestKindOf(t *testing.T) {
	load := &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}
	accept := &expr.Verdict{Kind: expr.VerdictAccept}
	for name, c := range map[string]struct {
		exprs []expr.Any
		want  RuleKind
	}{
		"empty":             {nil, PassThrough},
		"compares":          {[]expr.Any{load, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{0, 21}}, &expr.Counter{}}, PassThrough},
		"reads the mark":    {[]expr.Any{&expr.Meta{Key: expr.MetaKeyMARK, Register: 1}}, PassThrough},
		"reads ct":          {[]expr.Any{&expr.Ct{Key: expr.CtKeySTATE, Register: 1}}, PassThrough},
		"looks up":          {[]expr.Any{load, &expr.Lookup{SourceRegister: 1, SetName: "s"}}, PassThrough},
		"looks up a value":  {[]expr.Any{load, &expr.Lookup{SourceRegister: 1, SetName: "m", IsDestRegSet: true, DestRegister: 1}}, PassThrough},
		"accepts":           {[]expr.Any{load, accept}, Verdict},
		"drops":             {[]expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}}, Verdict},
		"returns":           {[]expr.Any{&expr.Verdict{Kind: expr.VerdictReturn}}, Verdict},
		"sets the mark":     {[]expr.Any{&expr.Immediate{Register: 1, Data: []byte{1, 0, 0, 0}}, &expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: 1}}, Verdict},
		"jumps":             {[]expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: "c"}}, Opaque},
		"looks up verdicts": {[]expr.Any{load, &expr.Lookup{SourceRegister: 1, SetName: "m", IsDestRegSet: true, DestRegister: verdictRegister}}, Opaque},
		"sets the priority": {[]expr.Any{&expr.Meta{Key: expr.MetaKeyPRIORITY, SourceRegister: true, Register: 1}}, Opaque},
		"sets ct":           {[]expr.Any{&expr.Ct{Key: expr.CtKeyMARK, SourceRegister: true, Register: 1}}, Opaque},
		"writes":            {[]expr.Any{&expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 1, Len: 1}, accept}, Opaque},
		"translates":        {[]expr.Any{&expr.Masq{}}, Opaque},
	} {
		assert.Equal(t, c.want, KindOf(nft.IPv4, ruleOf(t, c.exprs...)), name)
	}
}

// TestNarrowCounts: a test of each class of addresses counts as steps, which are limited.
func TestNarrowCounts(t *testing.T) {
	s := spaceOf(nft.IPv4, "10.0.0.0", "10.0.0.1", "10.0.0.2")
	all := part{classes: fullBitset(s.count), low: 1, high: 2}
	for kind, want := range map[valueKind]int{address: 1, port: 0} {
		w := newWalk(newReader(nil, s), 0, 10)
		size := map[valueKind]int{address: 4, port: 2}[kind]
		hits := w.narrow(branch{part: all}, value{kind: kind, size: size}, test{within: []interval{{filled(size, 0), filled(size, 0xff)}}})
		assert.Len(t, hits, 1)
		assert.Equal(t, want, w.steps)
	}
	w := newWalk(newReader(nil, s), 0, 10)
	nothing := []interval{{[]byte{1, 1, 1, 1}, []byte{1, 1, 1, 1}}}
	assert.Empty(t, w.narrow(branch{part: all}, value{kind: address, size: 4}, test{within: nothing}))
	assert.Zero(t, w.steps)
}

package nft

import (
	"testing"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

// TestPriorityName: a priority is named after a standard one that differs by at most 10.
func TestPriorityName(t *testing.T) {
	for hook, names := range map[uint32][2]string{
		HookPrerouting: {"dstnat - 10", "99"}, HookPostrouting: {"-110", "srcnat - 1"}, HookInput: {"-110", "99"}, HookOutput: {"-110", "99"},
	} {
		assert.Equal(t, names[0], priorityName(hook, -110))
		assert.Equal(t, names[1], priorityName(hook, 99))
		assert.Equal(t, "mangle", priorityName(hook, -150))
	}
	for priority, want := range map[int32]string{
		-311: "-311", -310: "raw - 10", -300: "raw", -290: "raw + 10", -289: "-289", -151: "mangle - 1", -140: "mangle + 10", -139: "-139",
		0: "filter", 10: "filter + 10", 11: "11", 50: "security", 99: "srcnat - 1", 110: "srcnat + 10", 111: "111",
	} {
		assert.Equal(t, want, priorityName(HookPostrouting, priority))
	}
	for hook, want := range map[uint32]string{HookPrerouting: "prerouting", HookPostrouting: "postrouting", HookIngress: "ingress", 6: "6"} {
		assert.Equal(t, want, hookName(hook))
	}
}

// TestTextOfExpressions prints expressions that Compile does not produce.
func TestTextOfExpressions(t *testing.T) {
	meta := func(key expr.MetaKey) *expr.Meta { return &expr.Meta{Key: key, Register: reg} }
	is := func(data ...byte) *expr.Cmp { return &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: data} }
	bitwise := func(mask, xor []byte) *expr.Bitwise {
		return &expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: uint32(len(mask)), Mask: mask, Xor: xor}
	}
	immediate := func(data ...byte) *expr.Immediate { return &expr.Immediate{Register: reg, Data: data} }
	snat := &expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg}
	mark := func(n uint32) []byte { return markBytes(n) }
	for want, exprs := range map[string][]expr.Any{
		`xt match "recent" xt target "MARK"`:                {&expr.Match{Name: "recent", Info: new(xt.Unknown)}, &expr.Target{Name: "MARK", Info: new(xt.Unknown)}},
		"meta nfproto ipv4":                                 {meta(expr.MetaKeyNFPROTO), is(unix.NFPROTO_IPV4)},
		"meta nfproto ipv6":                                 {meta(expr.MetaKeyNFPROTO), is(unix.NFPROTO_IPV6)},
		"meta nfproto 7":                                    {meta(expr.MetaKeyNFPROTO), is(unix.NFPROTO_BRIDGE)},
		"meta mark & 0x00000003 == 0x00000001":              {meta(expr.MetaKeyMARK), bitwise(mark(3), mark(0)), is(mark(1)...)},
		"meta mark ^ 0x00000003 == 0x00000001":              {meta(expr.MetaKeyMARK), bitwise(mark(0xffffffff), mark(3)), is(mark(1)...)},
		"meta mark | 0x00000003 == 0x00000001":              {meta(expr.MetaKeyMARK), bitwise(mark(0xfffffffc), mark(3)), is(mark(1)...)},
		"meta mark & 0x00000007 ^ 0x00000003 == 0x00000001": {meta(expr.MetaKeyMARK), bitwise(mark(7), mark(3)), is(mark(1)...)},
		"snat to 20":                                        {immediate(0, 20), snat},
		"snat to 2001:db8::1":                               {immediate(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), snat},
		"snat to 0x10203":                                   {immediate(1, 2, 3), snat},
		"snat to 0x0102030405060708090a0b0c0d0e0f1011":      {immediate(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17), snat},
		"dnat to 20":                                        {immediate(0, 20), &expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg}},
		"queue to 0":                                        {&expr.Queue{}},
		"queue flags bypass,fanout to 1-3":                  {&expr.Queue{Num: 1, Total: 3, Flag: expr.QueueFlagMask}},
		"queue flags bypass to 7":                           {&expr.Queue{Num: 7, Total: 1, Flag: expr.QueueFlagBypass}},
		"flow add @f":                                       {&expr.FlowOffload{Name: "f"}},
		"[bitwise]":                                         {bitwise(mark(3), mark(0))},
		"[cmp]":                                             {is(1)},
		"snat":                                              {snat},
		"meta mark & 0x000000ff & 0x0000000f == 0x00000007": {meta(expr.MetaKeyMARK), bitwise(mark(0xff), mark(0)), bitwise(mark(0xf), mark(0)), is(mark(7)...)},
		"meta mark set 0x00000007":                          {immediate(mark(7)...), &expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: reg}},
	} {
		assert.Equal(t, want, textOf(exprs...), "%v", exprs)
	}
}

func textOf(exprs ...expr.Any) string { return newRule(IPv4).add(exprs...).rule().Text(IPv4) }

// TestChangedObject: an addition has only a new state, a deletion only an old one.
func TestChangedObject(t *testing.T) {
	before, after := Object{Table: &Table{Name: "before"}}, Object{Table: &Table{Name: "after"}}
	for op, want := range map[Op]string{Add: "after", Delete: "before", Edit: "before"} {
		c := Change{Op: op, Before: before, After: after}
		assert.Equal(t, want, c.Object().Table.Name, op)
	}
	for op, want := range map[Op]string{Add: "after", Delete: "before", Edit: "after"} {
		c := Change{Op: op, Before: before, After: after}
		assert.Equal(t, want, c.last().Table.Name, op)
	}
}

// TestDescribe prints a table with and without properties.
func TestDescribe(t *testing.T) {
	table := &Table{Family: IPv4, Name: "marks"}
	assert.Equal(t, "ip marks", table.describe())
	table.Comment = "ftp"
	assert.Equal(t, `ip marks { comment "ftp" }`, table.describe())
}

package firewall

import (
	"testing"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// TestPayloadValues: what is known of the bytes of a packet depends on their place and on
// the direction of the flow.
func TestPayloadValues(t *testing.T) {
	network, transport := expr.PayloadBaseNetworkHeader, expr.PayloadBaseTransportHeader
	for _, c := range []struct {
		base                  expr.PayloadBase
		offset, length        uint32
		toVIP, reply          valueKind
		toVIPName, clientSide string // clientSide: the flow in which the bytes are of the client
	}{
		{transport, 0, 2, opaque, port, "source port", ""},
		{transport, 2, 2, port, opaque, "destination port", "reply"},
		{transport, 0, 4, opaque, opaque, "@th,0,32", "reply"},
		{transport, 3, 1, opaque, opaque, "@th,24,8", "reply"},
		{transport, 4, 4, opaque, opaque, "@th,32,32", ""},
		{transport, 13, 1, tcpFlags, tcpFlags, "tcp flags", ""},
		{network, 9, 1, protocol, protocol, "ip protocol", ""},
		{network, 12, 4, opaque, address, "ip saddr", ""},
		{network, 16, 4, address, opaque, "ip daddr", "reply"},
		{network, 17, 2, address, opaque, "ip daddr", "reply"},
		{network, 17, 4, opaque, opaque, "ip daddr", "reply"},
		{network, 1, 1, opaque, opaque, "ip dscp and ecn", ""},
	} {
		e := &expr.Payload{Base: c.base, Offset: c.offset, Len: c.length, DestRegister: 1}
		s := spaceOf(nft.IPv4, "10.0.0.0")
		s.flow = toVIP
		v := s.payloadValue(e)
		assert.Equal(t, c.toVIP, v.kind, "to the VIP: %+v", e)
		assert.Equal(t, c.toVIPName, v.name, "%+v", e)
		assert.False(t, v.ofClient)
		s.flow = reply
		v = s.payloadValue(e)
		assert.Equal(t, c.reply, v.kind, "reply: %+v", e)
		assert.Equal(t, c.clientSide == "reply", v.ofClient, "%+v", e)
	}
}

// TestConntrackValues: the size and the name of each property of a connection.
func TestConntrackValues(t *testing.T) {
	for key, want := range map[expr.CtKey]value{
		expr.CtKeySTATE:  {kind: state, name: "ct state", size: 4},
		expr.CtKeyMARK:   {kind: ctMark, name: "ct mark", size: 4, ofConnection: true},
		expr.CtKeySTATUS: {kind: status, name: "ct status", size: 4, ofConnection: true},
		expr.CtKeyZONE:   {name: "ct zone", size: 4, ofConnection: true},
		expr.CtKeyLABELS: {name: "ct label", size: 4, ofConnection: true},
	} {
		l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
		l.conntrack(&expr.Ct{Key: key, Register: 1})
		assert.Equal(t, want, l.at(1))
		assert.Empty(t, l.steps)
		l.conntrack(&expr.Ct{Key: key, SourceRegister: true, Register: 1})
		assert.Equal(t, key == expr.CtKeyMARK || key == expr.CtKeyZONE, len(l.steps) == 1)
	}
}

// TestTCPFlagsMatch loads the flags of struct xt_tcp.
func TestTCPFlagsMatch(t *testing.T) {
	l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
	l.tcpMatch(&xt.Tcp{FlagsMask: 0x17, FlagsCmp: 0x02, InvFlags: xt.TcpInvFlags, Option: 1})
	require.Len(t, l.steps, 2)
	assert.Equal(t, condition{"tcp option"}, l.steps[0])
	m := l.steps[1].(match)
	assert.Equal(t, "tcp flags", m.value.name)
	for flags, holds := range map[byte]bool{0x02: false, 0x42: false, 0x12: true, 0x10: true} {
		assert.Equal(t, holds, m.test.holds(m.value.apply([]byte{flags})), "%#x", flags)
	}
	l = newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
	l.tcpMatch(&xt.Tcp{})
	assert.Empty(t, l.steps)
}

// TestWrites: bytes at the beginning of a header that matter, if they are written.
func TestWrites(t *testing.T) {
	for family, at := range map[nft.Family]uint32{nft.IPv4: 9, nft.IPv6: 6} {
		address := map[nft.Family]string{nft.IPv4: "10.0.0.0", nft.IPv6: "fd00::"}[family]
		for offset := range uint32(8) {
			write := func(base expr.PayloadBase) bool {
				l := newLoader(spaceOf(family, address), nil)
				l.write(&expr.Payload{OperationType: expr.PayloadWrite, Base: base, Offset: offset, Len: 1, SourceRegister: 1})
				return len(l.steps) == 1
			}
			assert.Equal(t, offset == at, write(expr.PayloadBaseNetworkHeader), "protocol: %s %d", family, offset)
			assert.Equal(t, offset == 2 || offset == 3, write(expr.PayloadBaseTransportHeader), "port: %s %d", family, offset)
			assert.False(t, write(expr.PayloadBaseLLHeader))
		}
	}
}

// TestWrittenBack: of bytes that a rule loads and writes back, those count that it changes.
func TestWrittenBack(t *testing.T) {
	const network, transport = expr.PayloadBaseNetworkHeader, expr.PayloadBaseTransportHeader
	none, all := []byte{0, 0}, []byte{0xff, 0xff}
	for _, c := range []struct {
		name         string
		base         expr.PayloadBase
		offset       uint32
		mask, xor    []byte
		then         []byte // the mask of another bitwise expression; nil: there is none
		reorder, not bool   // not: it changes nothing that matters
	}{
		{name: "ip ttl", base: network, offset: 8, mask: []byte{0, 0xff}, xor: []byte{64, 0}, not: true},
		{name: "ip ttl, and one bit of the protocol", base: network, offset: 8, mask: []byte{0, 0xff}, xor: []byte{64, 1}},
		{name: "ip protocol", base: network, offset: 8, mask: []byte{0xff, 0}, xor: []byte{0, 6}},
		{name: "a bit of the protocol", base: network, offset: 8, mask: []byte{0xff, 0xfe}, xor: none},
		{name: "nothing", base: network, offset: 8, mask: all, xor: none, not: true},
		{name: "nothing, but the bytes change places", base: network, offset: 8, mask: all, xor: none, reorder: true},
		{name: "first the one, then the other", base: network, offset: 8, mask: []byte{0, 0xff}, xor: none, then: []byte{0xff, 0}},
		{name: "first the protocol, then ttl", base: network, offset: 8, mask: []byte{0xff, 0}, xor: none, then: []byte{0, 0xff}},
		{name: "both ttl", base: network, offset: 8, mask: []byte{0, 0xff}, xor: none, then: []byte{1, 0xff}, not: true},
		{name: "the port", base: transport, offset: 2, mask: none, xor: []byte{0, 99}},
		{name: "the port, the same", base: transport, offset: 2, mask: all, xor: none, not: true},
	} {
		l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
		field := expr.Payload{Base: c.base, Offset: c.offset, Len: 2, DestRegister: 1}
		l.payload(&field)
		change := func(mask, xor []byte) {
			l.typedExpression(nft.Expression{}, &expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 2, Mask: mask, Xor: xor})
		}
		change(c.mask, c.xor)
		if c.then != nil {
			change(c.then, none)
		}
		if c.reorder {
			l.typedExpression(nft.Expression{}, &expr.Byteorder{SourceRegister: 1, DestRegister: 1, Len: 2, Size: 2})
		}
		write := field
		write.OperationType, write.SourceRegister, write.DestRegister = expr.PayloadWrite, 1, 0
		l.write(&write)
		assert.Equal(t, c.not, len(l.steps) == 0, c.name)
		if write.Offset++; c.not { // to another place
			l.write(&write)
			assert.NotEmpty(t, l.steps, c.name)
		}
	}
}

// TestMetaSizes: the sizes of keys that differ from four bytes (nft_meta_get_init).
func TestMetaSizes(t *testing.T) {
	for key, size := range map[expr.MetaKey]int{
		expr.MetaKeyMARK: 4, expr.MetaKeyPROTOCOL: 2, expr.MetaKeyIIFTYPE: 2, expr.MetaKeyOIFTYPE: 2, expr.MetaKeyIIFNAME: 16, expr.MetaKeyOIFNAME: 16,
	} {
		assert.Equal(t, size, metaSize(key), key)
	}
}

// TestFib: only the type of the destination, by nothing else, is known.
func TestFib(t *testing.T) {
	known := expr.Fib{Register: 1, ResultADDRTYPE: true, FlagDADDR: true}
	load := func(e expr.Fib) value {
		l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
		l.fib(&e)
		return l.at(1)
	}
	assert.Equal(t, "fib daddr type", load(known).name)
	for name, change := range map[string]func(*expr.Fib){
		"saddr": func(e *expr.Fib) { e.FlagSADDR = true }, "mark": func(e *expr.Fib) { e.FlagMARK = true }, "iif": func(e *expr.Fib) { e.FlagIIF = true },
		"oif": func(e *expr.Fib) { e.FlagOIF = true }, "present": func(e *expr.Fib) { e.FlagPRESENT = true },
		"no daddr": func(e *expr.Fib) { e.FlagDADDR = false }, "index": func(e *expr.Fib) { e.ResultADDRTYPE = false },
	} {
		e := known
		change(&e)
		v := load(e)
		assert.Equal(t, "fib", v.name, name)
		assert.Equal(t, 4, v.size, name)
	}
}

// TestLookupOfNothing: a lookup by a register of which nothing is known has no key.
func TestLookupOfNothing(t *testing.T) {
	l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
	l.lookup(&expr.Lookup{SetName: "s", SourceRegister: 1})
	require.Len(t, l.steps, 1)
	assert.Empty(t, l.steps[0].(lookup).key)
}

// TestReject: a reject ends the rule.
func TestReject(t *testing.T) {
	l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
	l.expression(nft.Expression{Name: "reject"})
	assert.Equal(t, []step{interception{effect: Rejects, ends: true}}, l.steps)
}

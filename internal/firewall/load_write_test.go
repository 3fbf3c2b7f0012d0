package firewall

import (
	"encoding/binary"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// TestPayloadWrites: a write has an effect if it changes a byte of the address or port that
// IPVS reads.
func TestPayloadWrites(t *testing.T) {
	network, transport := expr.PayloadBaseNetworkHeader, expr.PayloadBaseTransportHeader
	redirects, translates := Redirects, TranslatesSource
	const nothing = Effect("")
	for _, c := range []struct {
		base           expr.PayloadBase
		offset, length uint32
		toVIP, reply   Effect
	}{
		{transport, 0, 2, nothing, translates},
		{transport, 1, 1, nothing, translates},
		{transport, 2, 1, redirects, redirects},
		{transport, 3, 1, redirects, redirects},
		{transport, 4, 1, nothing, nothing},
		{network, 9, 1, redirects, redirects},
		{network, 10, 2, nothing, nothing},
		{network, 12, 4, nothing, translates},
		{network, 16, 4, redirects, redirects},
		{network, 20, 1, nothing, nothing},
	} {
		for f, effect := range map[flow]Effect{toVIP: c.toVIP, reply: c.reply} {
			s := spaceOf(nft.IPv4, "10.0.0.0")
			s.flow = f
			l := newLoader(s, nil)
			e := &expr.Payload{OperationType: expr.PayloadWrite, Base: c.base, Offset: c.offset, Len: c.length}
			l.write(e)
			var want []step
			if effect != nothing {
				want = []step{headerWrite{effect, opaqueValue("", 0), e}}
			}
			assert.Equal(t, want, append([]step(nil), l.steps...), "flow %v: %+v", f, c)
		}
	}
}

// TestLastPortsOfMultiport loads struct xt_multiport_v1 of linux/netfilter/xt_multiport.h with
// 15 ports, of which the last two are a range.
func TestLastPortsOfMultiport(t *testing.T) {
	info := make([]byte, 48)
	info[0], info[1] = 1, 15 // XT_MULTIPORT_DESTINATION
	var want []interval
	for i := range uint16(15) {
		binary.NativeEndian.PutUint16(info[2+2*i:], 10+i)
		if i < 13 {
			want = append(want, portInterval(10+i, 10+i))
		}
	}
	info[32+13], info[32+14] = 1, 1 // the flag of the last port has no meaning
	l := exactLoader()
	l.multiport(extension{"multiport", 1, info})
	require.Len(t, l.steps, 1)
	assert.Equal(t, append(want, portInterval(23, 24)), l.steps[0].(match).test.within)
}

// TestAddrtypeOfSource: an inversion of the source alone is a condition.
func TestAddrtypeOfSource(t *testing.T) {
	l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
	l.addrtype(&xt.AddrTypeV1{Flags: 1}) // XT_ADDRTYPE_INVERT_SOURCE
	assert.Equal(t, []step{condition{"addrtype"}}, l.steps)
}

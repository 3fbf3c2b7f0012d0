package firewall

import (
	"encoding/binary"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// exactStep returns the only step that an extension becomes for package exact.
func exactStep(t *testing.T, x extension) match {
	t.Helper()
	l := exactLoader()
	l.untypedMatch(x)
	require.Len(t, l.steps, 1)
	m, ok := l.steps[0].(match)
	require.True(t, ok, "%T", l.steps[0])
	return m
}

// TestConnmarkMatch loads struct xt_connmark_mtinfo1.
func TestConnmarkMatch(t *testing.T) {
	for _, inverse := range []byte{0, 1} {
		info := binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, 0x15), 0xff)
		m := exactStep(t, extension{"connmark", 1, append(info, inverse, 0, 0, 0)})
		assert.Equal(t, ctMark, m.value.kind)
		for mark, matches := range map[uint32]bool{0x15: true, 0xf15: true, 0x16: false} {
			assert.Equal(t, matches != (inverse == 1), m.test.holds(m.value.apply(markBytes(mark))), "%#x", mark)
		}
	}
}

// TestMACMatch loads struct xt_mac_info.
func TestMACMatch(t *testing.T) {
	for _, inverse := range []uint32{0, 1} {
		info := binary.NativeEndian.AppendUint32([]byte{2, 0, 0, 0, 0, 1, 0, 0}, inverse)
		m := exactStep(t, extension{"mac", 0, info})
		assert.Equal(t, inverse == 0, m.test.holds([]byte{2, 0, 0, 0, 0, 1}))
		assert.Equal(t, inverse == 1, m.test.holds([]byte{2, 0, 0, 0, 0, 2}))
		assert.Equal(t, expr.PayloadBaseLLHeader, m.value.what.base)
		assert.Equal(t, 6, m.value.what.offset)
	}
}

// TestRangeMatch loads struct xt_iprange_mtinfo.
func TestRangeMatch(t *testing.T) {
	info := make([]byte, 68)
	copy(info, []byte{10, 0, 0, 1})
	copy(info[16:], []byte{10, 0, 0, 9})
	copy(info[32:], []byte{10, 1, 0, 1})
	copy(info[48:], []byte{10, 1, 0, 9})
	for flags, want := range map[byte]struct {
		offset  int
		inverse bool
		in, out []byte
	}{
		1:        {12, false, []byte{10, 0, 0, 9}, []byte{10, 0, 0, 10}},
		1 | 1<<4: {12, true, []byte{10, 0, 0, 9}, []byte{10, 0, 0, 10}},
		2:        {16, false, []byte{10, 1, 0, 1}, []byte{10, 1, 0, 0}},
		2 | 1<<5: {16, true, []byte{10, 1, 0, 1}, []byte{10, 1, 0, 0}},
	} {
		info[64] = flags
		m := exactStep(t, extension{"iprange", 1, info})
		assert.Equal(t, want.offset, m.value.what.offset, flags)
		assert.Equal(t, !want.inverse, m.test.holds(want.in), flags)
		assert.Equal(t, want.inverse, m.test.holds(want.out), flags)
	}
	info[64] = 3
	l := exactLoader()
	l.untypedMatch(extension{"iprange", 1, info})
	assert.Len(t, l.steps, 2)
}

// TestFragmentMatch: iptables-nft tests -f as ip frag-off & 0x1fff.
func TestFragmentMatch(t *testing.T) {
	o := &origin{part: ofPayload, base: expr.PayloadBaseNetworkHeader, offset: 6, addressSize: 4, mask: []byte{0x1f, 0xff}}
	zero := interval{[]byte{0, 0}, []byte{0, 0}}
	for _, first := range []bool{true, false} {
		matches, ok := o.payloadMatch(value{size: 2}, test{within: []interval{zero}, inverse: !first})
		require.True(t, ok)
		require.Len(t, matches, 1)
		assert.Equal(t, oldconfig.LaterFragment, matches[0].Field)
		assert.Equal(t, first, matches[0].Not)
	}
	o.mask = []byte{0x3f, 0xff} // with the flag of more fragments
	_, ok := o.payloadMatch(value{size: 2}, test{within: []interval{zero}})
	assert.False(t, ok)
}

// TestEitherPort loads struct xt_multiport_v1 of --ports: the rule becomes one for packets with
// the source port, and one for the others with the destination port.
func TestEitherPort(t *testing.T) {
	const either = 2 // XT_MULTIPORT_EITHER
	info := make([]byte, 48)
	info[0], info[1] = either, 1
	binary.NativeEndian.PutUint16(info[2:], 21)
	l := exactLoader()
	l.untypedMatch(extension{"multiport", 1, info})
	b := &ruleTranslator{exactTable: &exactTable{}, answers: map[int]value{}}
	rules := b.steps(append(l.steps, notrack{}))
	require.Len(t, rules, 2)
	in := []oldconfig.Range{{Low: oldconfig.Number{Low: 21}, High: oldconfig.Number{Low: 21}}}
	source, destination := oldconfig.Match{Field: oldconfig.SourcePort, In: in}, oldconfig.Match{Field: oldconfig.DestinationPort, In: in}
	other := oldconfig.Match{Field: oldconfig.SourcePort, In: in, Not: true}
	assert.Equal(t, []oldconfig.Match{source}, rules[0].Matches)
	assert.Equal(t, []oldconfig.Match{other, destination}, rules[1].Matches)
	for _, r := range rules {
		assert.Len(t, r.Actions, 1)
	}

	info[47] = 1 // inversion: neither port
	l = exactLoader()
	l.untypedMatch(extension{"multiport", 1, info})
	rules = b.steps(append(l.steps, notrack{}))
	require.Len(t, rules, 1)
	destination.Not = true
	assert.Equal(t, []oldconfig.Match{other, destination}, rules[0].Matches)
}

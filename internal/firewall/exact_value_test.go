package firewall

import (
	"slices"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// TestUnknownMasquerade: a masquerade statement with an attribute that is not known can give
// packets any port, and is not understood.
func TestUnknownMasquerade(t *testing.T) {
	l := exactLoader()
	unknown := nft.Expression{Name: "masq", Data: string(netlink.AppendBigEndian32(nil, 99, 1))}
	assert.Nil(t, l.masqueradeRange(unknown))
	assert.Equal(t, portChange{random: true}, l.masqueradeRange(unknown).portChange())
	assert.Equal(t, oldconfig.Opaque, (&ruleTranslator{}).translation(oldconfig.TranslateSource, nil).Kind)
}

// TestKeptPort: the kernel lists the end of a range that is one port; other programs may leave it out.
func TestKeptPort(t *testing.T) {
	same := func(v value) value { return v }
	one := portChange{low: constantValue("", []byte{0, 20})}
	assert.True(t, one.keeps(part{low: 20, high: 20}, same))
	assert.False(t, one.keeps(part{low: 20, high: 21}, same))
}

// TestUnknownSocket: an expression with an attribute that is not known is a condition, as is
// one without a register.
func TestUnknownSocket(t *testing.T) {
	const keyAttribute, register = 1, 2 // NFTA_SOCKET_KEY, NFTA_SOCKET_DREG
	key := netlink.AppendBigEndian32(nil, keyAttribute, uint32(expr.SocketKeyWildcard))
	unknown := netlink.AppendBigEndian32(netlink.AppendBigEndian32(slices.Clone(key), register, 1), 99, 1)
	for _, data := range [][]byte{key, unknown} {
		l := exactLoader()
		l.socket(nft.Expression{Name: "socket", Data: string(data)})
		assert.Equal(t, []step{condition{"socket"}}, l.steps)
	}
}

// TestLifted: a mask that keeps the first bits of a field makes an interval of a value.
func TestLifted(t *testing.T) {
	for _, c := range []struct {
		mask, value byte
		low, high   byte
	}{{0xfe, 2, 2, 3}, {0xff, 2, 2, 2}, {0xf0, 0x20, 0x20, 0x2f}} {
		low, high, ok := (&origin{mask: []byte{c.mask}}).lifted(interval{[]byte{c.value}, []byte{c.value}}, 2)
		assert.True(t, ok, "%+v", c)
		assert.Equal(t, []byte{c.low, 0}, low, "%+v", c)
		assert.Equal(t, []byte{c.high, 0xff}, high, "%+v", c)
	}
}

// TestMaskedValue: only an address that is loaded as it is has a prefix.
func TestMaskedValue(t *testing.T) {
	mask, zero := []byte{0xff, 0xff, 0, 0}, make([]byte, 4)
	loaded := value{kind: address, size: 4}
	assert.Equal(t, mask, loaded.masked(mask, zero).prefix)
	assert.Nil(t, loaded.masked(mask, []byte{0, 0, 0, 1}).prefix, "flipped")
	assert.Nil(t, loaded.masked([]byte{1, 2, 3, 4}, zero).masked(mask, zero).prefix, "masked twice")
	assert.Nil(t, value{kind: mark, size: 4}.masked(mask, zero).prefix, "no address")
	assert.Equal(t, opaque, value{kind: port, size: 2}.masked(mask[1:3], zero[:2]).kind, "a part of a port")
}

// TestByDestinationOfUnknown: marks are from the destination only if it is the only known field.
func TestByDestinationOfUnknown(t *testing.T) {
	fields, rest := []value{{what: &origin{}}, {what: &origin{}}}, []step{markSet{}}
	assert.Nil(t, byDestination(fields[:1], nil, rest, lookup{isMap: true}))
	assert.Nil(t, byDestination([]value{{}}, nil, rest, lookup{isMap: true}))
	assert.Nil(t, byDestination(fields, nil, rest, lookup{isMap: true}))
}

// TestImpossibleSteps: nothing follows a match of no packet.
func TestImpossibleSteps(t *testing.T) {
	b := &ruleTranslator{exactTable: &exactTable{}, answers: map[int]value{}}
	never := match{constantValue("", []byte{1}), test{within: []interval{{[]byte{2}, []byte{2}}}}}
	list := b.steps([]step{notrack{}, never, notrack{}})
	if assert.Len(t, list, 1) && assert.NotNil(t, list[0].Then) {
		assert.Len(t, list[0].Actions, 1)
		assert.Empty(t, list[0].Then.Actions)
	}
	assert.Empty(t, b.steps([]step{never, notrack{}}))
}

// TestMayEndNothing: a verdict under conditions changes nothing if no packet is left.
func TestMayEndNothing(t *testing.T) {
	w := &walk{leaves: [][]leave{{}}}
	assert.Empty(t, w.mayEnd(group{verdict: expr.VerdictReturn, parts: []part{{low: 1, high: 2}}}, nil, nil, nil, []string{"x"}))
	assert.Empty(t, w.leaves[0])
}

// TestAddLeave joins leaves with the same conditions.
func TestAddLeave(t *testing.T) {
	all := []part{{classes: newBitset(3), low: 1, high: 2}}
	w := &walk{leaves: [][]leave{{}}}
	w.addLeave(leave{conditions: []string{"x"}})
	w.addLeave(leave{parts: all, returned: all, conditions: []string{"x"}})
	w.addLeave(leave{conditions: []string{"y"}})
	assert.Len(t, w.leaves[0], 2)
	assert.Equal(t, all, w.leaves[0][0].parts)
	assert.Equal(t, all, w.leaves[0][0].returned)
}

// TestReordered: a second change of the byte order undoes the first.
func TestReordered(t *testing.T) {
	loaded := &origin{part: ofPayload}
	assert.True(t, loaded.reordered().reversed)
	assert.Equal(t, loaded, loaded.reordered().reordered())
	assert.Nil(t, (*origin)(nil).reordered())
}

package nft

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// unknown is an attribute that lvsmark does not know, of a later kernel.
const unknown = 99

// TestUnknownObject: an object of a later kernel has the number of its type as its name.
func TestUnknownObject(t *testing.T) {
	for typ, want := range map[uint32]string{1: "counter", unknown: "object of type 99"} {
		_, object, err := decodeUnmanaged("object", netlink.AppendBigEndian32(nil, unix.NFTA_OBJ_TYPE, typ))
		require.NoError(t, err)
		assert.Equal(t, want, object.Kind)
	}
}

// TestUnmanagedWithoutCounts: the number of rules that use an object, and its handle, are not part
// of it; other attributes are.
func TestUnmanagedWithoutCounts(t *testing.T) {
	for kind, ignored := range map[string][]uint16{"counter": {5, 6}, flowtable: {4, 5}} { // *_USE, *_HANDLE
		plain := netlink.AppendText(nil, unix.NFTA_OBJ_NAME, "n")
		_, want, err := decodeUnmanaged(kind, plain)
		require.NoError(t, err)
		for typ := range uint16(8) {
			if typ <= unix.NFTA_OBJ_TYPE {
				continue
			}
			_, have, err := decodeUnmanaged(kind, netlink.AppendBigEndian32(slices.Clone(plain), typ, 7))
			require.NoError(t, err)
			assert.Equal(t, slices.Contains(ignored, typ), assert.ObjectsAreEqual(want, have), "%s, attribute %d", kind, typ)
		}
	}
}

// TestUnknownAttributesKept: an unknown attribute of a set, chain or rule is a difference,
// and is sent when the object is created again.
func TestUnknownAttributesKept(t *testing.T) {
	table := &Table{Family: IPv4, Name: "t"}
	extra := netlink.AppendBigEndian32(nil, unknown, 7)

	set := &Set{Name: "s", KeyType: typeMark, KeyLen: 4}
	_, plainSet, err := decodeSet(table.newSet(set, 1).data)
	require.NoError(t, err)
	of, otherSet, err := decodeSet(append(table.newSet(set, 1).data, extra...))
	require.NoError(t, err)
	assert.Equal(t, "t", of)
	assert.True(t, sameSet(set, plainSet))
	assert.False(t, sameSet(plainSet, otherSet))
	assert.Contains(t, string(table.newSet(otherSet, 1).data), string(extra))

	chain := &Chain{Name: "c", Type: "filter", Hook: HookPrerouting, Priority: -150, Policy: verdictAccept}
	_, plainChain, err := decodeChain(table.newChain(chain).data)
	require.NoError(t, err)
	of, otherChain, err := decodeChain(append(table.newChain(chain).data, extra...))
	require.NoError(t, err)
	assert.Equal(t, "t", of)
	assert.True(t, sameChain(chain, plainChain))
	assert.False(t, sameChain(plainChain, otherChain))
	assert.Contains(t, string(table.newChain(otherChain).data), string(extra))

	rule := newRule(IPv4).protocolIsNot(6).accept().rule()
	_, _, plainRule, err := decodeRule(table.newRule(chain, rule, 0).data)
	require.NoError(t, err)
	_, _, otherRule, err := decodeRule(append(table.newRule(chain, rule, 0).data, extra...))
	require.NoError(t, err)
	assert.True(t, sameBytes(plainRule, otherRule) == false)
	assert.NotEqual(t, table.identity(plainRule), table.identity(otherRule))
	assert.Contains(t, string(table.newRule(chain, otherRule, 0).data), string(extra))
}

// TestUnknownAttributeOfRuleIsDifference: such a rule is replaced by the desired one.
func TestUnknownAttributeOfRuleIsDifference(t *testing.T) {
	tableWith := func(rest []netlink.Attribute) *Ruleset {
		rule := newRule(IPv4).protocolIsNot(6).accept().rule()
		rule.rest, rule.Handle = rest, 7
		return &Ruleset{Tables: []*Table{{Family: IPv4, Name: "t", Chains: []*Chain{{Name: "c", Rules: []*Rule{rule}}}}}}
	}
	other := []netlink.Attribute{{Type: unknown, Data: []byte{1}}}
	assert.True(t, Compare(tableWith(other), tableWith(other)).Empty())
	for _, d := range []*Difference{Compare(tableWith(other), tableWith(nil)), Compare(tableWith(nil), tableWith(other))} {
		var ops []Op
		for _, c := range d.Changes() {
			ops = append(ops, c.Op)
		}
		assert.Equal(t, []Op{Delete, Add}, ops)
	}
	renamed := tableWith(other).Tables[0].withSetNames(map[string]string{"a": "b"})
	assert.Equal(t, other, renamed.Chains[0].Rules[0].rest)
	lookup := newRule(IPv4).daddr().lookup("a").setMark().rule()
	lookup.rest = other
	assert.Equal(t, other, lookup.withSetNames(map[string]string{"a": "b"}).rest)
}

// TestExpiryOmitted: the time until an element expires changes with each read, so it is no
// difference. Its timeout is one. The order of attributes does not matter.
func TestExpiryOmitted(t *testing.T) {
	key, value := elementKey(markBytes(1)), valueRest(markBytes(2))
	timeout := string(netlink.AppendBigEndian64(nil, unix.NFTA_SET_ELEM_TIMEOUT, 60_000))
	expires := string(netlink.AppendBigEndian64(nil, unix.NFTA_SET_ELEM_EXPIRATION, 1234))
	flags := string(netlink.AppendBigEndian32(nil, unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END))
	for content, want := range map[string]Element{
		key:                                 {Key: key},
		key + value:                         {Key: key, Rest: value},
		key + value + timeout:               {Key: key, Rest: value + timeout},
		key + value + timeout + expires:     {Key: key, Rest: value + timeout},
		key + expires + timeout + value:     {Key: key, Rest: timeout + value},
		expires + key + value:               {Key: key, Rest: value},
		value + key:                         {Key: key, Rest: value},
		value + key + flags:                 {Key: key + flags, Rest: value},
		key + value + flags + timeout:       {Key: key + flags, Rest: value + timeout},
		key + flags + value:                 {Key: key + flags, Rest: value},
		key + flags + expires:               {Key: key + flags},
		key + value[:len(value)-4] + "\x00": {Key: key},
	} {
		assert.Equal(t, want, decodeElement(content), "%q", content)
	}
}

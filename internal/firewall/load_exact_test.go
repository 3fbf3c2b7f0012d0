package firewall

import (
	"testing"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

func exactLoader() *loader {
	l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), map[nft.Expression]expr.Any{})
	l.exact = true
	return l
}

// TestExactAddrtype: the types of both ends, each with its own inversion.
func TestExactAddrtype(t *testing.T) {
	l := exactLoader()
	l.exactAddrtype(&xt.AddrTypeV1{Source: 1 << 2, Dest: 1<<3 | 1<<15, Flags: 1})
	require.Len(t, l.steps, 2)
	source, destination := l.steps[0].(match), l.steps[1].(match)
	assert.Equal(t, []packetPart{ofSourceFib, ofFib}, []packetPart{source.value.what.part, destination.value.what.part})
	for kind := range uint32(17) {
		assert.Equal(t, kind != 2, source.test.holds(hostUint32(kind)), kind)
		assert.Equal(t, kind == 3 || kind == 15, destination.test.holds(hostUint32(kind)), kind)
	}
	l = exactLoader()
	l.exactAddrtype(&xt.AddrTypeV1{Dest: 1 << 2, Flags: 2})
	require.Len(t, l.steps, 1)
	assert.True(t, l.steps[0].(match).test.inverse)
	l = exactLoader()
	l.exactAddrtype(&xt.AddrTypeV1{Dest: 1 << 2, Flags: 4})
	assert.Equal(t, condition{"addrtype"}, l.steps[0], "limited to a device")
}

// TestQueue: what becomes of a packet that a program gets is not known. If it comes back, it meets no
// further rule of the chain. A packet to a transparent proxy meets none either.
func TestQueue(t *testing.T) {
	for name, text := range map[string]string{"NFQUEUE": "gives the packet to a program (queue)", "QUEUE": "gives the packet to a program (queue)", "TPROXY": ""} {
		l := exactLoader()
		raw := xt.Unknown(make([]byte, 8))
		l.load(nft.IPv4, ruleOf(t, &expr.Target{Name: name, Rev: 9, Info: &raw}))
		b := &ruleTranslator{exactTable: &exactTable{}, answers: map[int]value{}}
		rules := b.steps(l.steps)
		require.Len(t, rules, 1)
		assert.Equal(t, []oldconfig.Action{{Kind: oldconfig.Opaque, Text: text}, {Kind: oldconfig.Accept}}, rules[0].Actions, name)
	}
}

// TestIPVSMatch loads struct xt_ipvs_mtinfo.
func TestIPVSMatch(t *testing.T) {
	info := make([]byte, 40)
	copy(info, []byte{198, 51, 100, 21})
	copy(info[16:], []byte{255, 255, 255, 0})
	info[33] = 21
	load := func(tested, inverse byte, exact bool) []step {
		l := exactLoader()
		l.exact = exact
		info[38], info[39] = inverse, tested
		l.ipvsMatch(info)
		return l.steps
	}
	fields := func(steps []step) (list []oldconfig.Field) {
		for _, s := range steps {
			list = append(list, oldconfig.Field(s.(match).value.what.key))
		}
		return list
	}
	assert.Equal(t, []oldconfig.Field{oldconfig.SentByIPVS}, fields(load(1, 0, true)))
	assert.Equal(t, []oldconfig.Field{oldconfig.VirtualAddress, oldconfig.VirtualPort}, fields(load(13, 0, true)))
	assert.Equal(t, []oldconfig.Field{oldconfig.VirtualPort}, fields(load(8, 0, true)))
	for _, tested := range []byte{1, 4, 8} {
		assert.False(t, load(tested, ^tested, true)[0].(match).test.inverse, tested)
		assert.True(t, load(tested, tested, true)[0].(match).test.inverse, tested)
	}
	address := load(4, 0, true)[0].(match)
	assert.Equal(t, []byte{255, 255, 255, 0}, address.value.what.mask)
	assert.True(t, address.test.holds([]byte{198, 51, 100, 21}))
	port := load(8, 0, true)[0].(match)
	assert.True(t, port.test.holds([]byte{0, 21}))
	for _, tested := range []byte{2, 16, 3, 64} {
		assert.Equal(t, []step{condition{"ipvs"}}, load(tested, 0, true), tested)
	}
	assert.Equal(t, []step{condition{"ipvs"}}, load(1, 0, false))
}

// TestExactConntrack: besides the original destination, the state is loaded; other properties are
// a condition.
func TestExactConntrack(t *testing.T) {
	const destination, established = xt.ConntrackOrigDst | xt.ConntrackOrigDstPort, 2
	load := func(flags xt.ConntrackFlags) []step {
		l := exactLoader()
		l.conntrackMatch(&xt.ConntrackMtinfoBase{
			MatchFlags: uint16(flags), OrigDstAddr: []byte{198, 51, 100, 21}, OrigDstMask: []byte{255, 255, 255, 255}, OrigDstPort: 21,
		}, established, 0)
		return l.steps
	}
	assert.Len(t, load(destination), 2)
	list := load(destination | xt.ConntrackState)
	require.Len(t, list, 3)
	last := list[2].(match)
	assert.Equal(t, state, last.value.kind)
	assert.True(t, last.test.holds(last.value.change(hostUint32(stateEstablished))))
	assert.False(t, last.test.holds(last.value.change(hostUint32(stateNew))))
	assert.Contains(t, load(destination|xt.ConntrackExpires), step(condition{"conntrack"}))
}

// TestConntrackWithoutConnection: beside INVALID, UNTRACKED or a negation, the kernel tests the
// other properties only of packets with a connection.
func TestConntrackWithoutConnection(t *testing.T) {
	const invalid, new, untracked = 1, 8, 1 << 8
	for _, c := range []struct{ states, inverted uint16 }{{invalid, 0}, {untracked | new, 0}, {new, uint16(xt.ConntrackState)}} {
		l := exactLoader()
		info := &xt.ConntrackMtinfoBase{
			MatchFlags: uint16(xt.ConntrackState | xt.ConntrackOrigDst), InvertFlags: c.inverted,
			OrigDstAddr: []byte{198, 51, 100, 21}, OrigDstMask: []byte{255, 255, 255, 255},
		}
		l.conntrackMatch(info, c.states, 0)
		assert.Equal(t, []step{condition{"conntrack"}}, l.steps, c)
		l = exactLoader()
		info.MatchFlags = uint16(xt.ConntrackState)
		l.conntrackMatch(info, c.states, 0)
		assert.NotContains(t, l.steps, step(condition{"conntrack"}), c)
	}
}

// TestExactRedirection: an expression that cannot be decoded, or has an unknown flag, is not
// understood.
func TestExactRedirection(t *testing.T) {
	var redirect nft.Expression
	for e := range ruleOf(t, &expr.Redir{RegisterProtoMin: 1, RegisterProtoMax: 1}).All() {
		redirect = e
	}
	l := exactLoader()
	l.fill(1, constantValue("", []byte{0, 21}))
	require.NotNil(t, l.redirection(redirect))
	assert.Equal(t, []byte{0, 21}, l.redirection(redirect).lowPort.bytes)
	assert.Equal(t, []byte{0, 21}, l.redirection(redirect).highPort.bytes)
	assert.Nil(t, l.redirection(nft.Expression{Name: "redir", Data: "x"}))
	assert.True(t, l.redirection(redirect).toDevice)
	for e := range ruleOf(t, &expr.Redir{RegisterProtoMin: 1, Flags: 1 << 10}).All() {
		assert.Nil(t, l.redirection(e))
	}
}

// TestExactSocket: the value of the expression keeps its origin.
func TestExactSocket(t *testing.T) {
	for e := range ruleOf(t, &expr.Socket{Key: expr.SocketKeyWildcard, Register: 1}).All() {
		l := exactLoader()
		l.socket(e)
		assert.Equal(t, value{kind: constant, name: "socket", size: 1, bytes: []byte{0}, what: &origin{part: ofSocket}}, l.at(1))
	}
	for e := range ruleOf(t, &expr.Socket{Key: expr.SocketKeyMark, Register: 1}).All() {
		l := exactLoader()
		l.socket(e)
		assert.Equal(t, []step{condition{"socket"}}, l.steps)
	}
}

// TestExpressionWithoutRegister: an expression that fills no register may do anything, except
// exthdr, which may write a header.
func TestExpressionWithoutRegister(t *testing.T) {
	for name, want := range map[string][]step{
		"rt": {interception{effect: Unknown, condition: "the unknown expression [rt]"}}, "tunnel": {interception{effect: Unknown, condition: "the unknown expression [tunnel]"}}, "exthdr": {},
	} {
		l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
		l.other(nft.Expression{Name: name})
		assert.Equal(t, want, append([]step{}, l.steps...), name)
	}
}

// TestDormantTable: no packet passes it.
func TestDormantTable(t *testing.T) {
	for flags, chains := range map[uint32]int{0: 1, 1: 0} {
		table := &nft.Table{Family: nft.IPv4, Name: "t", Flags: flags, Chains: []*nft.Chain{{Name: "c"}}}
		config, err := Chains([]*nft.Table{table}, nil)
		require.NoError(t, err)
		assert.Len(t, config.Chains, chains)
	}
}

// TestAddressNoun: the known end of packets that IPVS sends may be a VIP or a real server.
func TestAddressNoun(t *testing.T) {
	for count, want := range map[int]string{
		1: "10.0.0.0 (ports 21)", 2: "10.0.0.0 and another address (ports 21)", 3: "10.0.0.0 and 2 other addresses (ports 21)",
	} {
		s := newSpace(nft.IPv4, nil)
		s.flow = toServer
		for i := range count {
			s.low = append(s.low, 10, 0, 0, byte(i))
		}
		s.high, s.count = s.low, count
		p := part{classes: fullBitset(count), protocol: 6, low: 21, high: 21}
		assert.Equal(t, want, affected{space: s, parts: []part{p}}.ends())
	}
}

// TestTypesOfIPv6: of match_type6 of net/netfilter/xt_addrtype.c.
func TestTypesOfIPv6(t *testing.T) {
	const unspecified, unicast, local, anycast, multicast, unreachable = 1, 1 << 1, 1 << 2, 1 << 4, 1 << 5, 1 << 7
	const none = 1 << 15
	for types, want := range map[uint16]uint16{
		0:                       0,
		unspecified:             none,
		unicast:                 unicast | local | anycast | unreachable | none,
		local:                   local | none,
		unicast | local:         local | none,
		unicast | unreachable:   unreachable | none,
		local | anycast:         local | anycast | none,
		multicast:               multicast | none,
		multicast | unicast:     none,
		multicast | local:       none,
		unspecified | multicast: none,
	} {
		assert.Equal(t, want, typesOfIPv6(types), "%#x", types)
	}
	for family, steps := range map[nft.Family]int{nft.IPv4: 1, nft.IPv6: 0} { // of a VIP, whose address is local
		l := &loader{space: &space{family: family, flow: toVIP}}
		l.addrtype(&xt.AddrTypeV1{Dest: unicast})
		assert.Len(t, l.steps, steps, family)
	}
}

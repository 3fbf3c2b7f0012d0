package firewall

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// loadedMatch returns the only step of a loader, a match.
func loadedMatch(t *testing.T, load func(*loader)) match {
	t.Helper()
	l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
	load(l)
	require.Len(t, l.steps, 1)
	m, ok := l.steps[0].(match)
	require.True(t, ok, "%T", l.steps[0])
	return m
}

// TestMarkMatch loads struct xt_mark_mtinfo1: mark, mask, inversion.
func TestMarkMatch(t *testing.T) {
	for _, inverse := range []byte{0, 1} {
		info := binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, 0x15), 0xff)
		m := loadedMatch(t, func(l *loader) { l.untypedMatch(extension{"mark", 1, append(info, inverse)}) })
		for mark, matches := range map[uint32]bool{0x15: true, 0xf15: true, 0x16: false, 0: false} {
			assert.Equal(t, matches != (inverse == 1), m.test.holds(m.value.apply(markBytes(mark))), "%#x", mark)
		}
		assert.Equal(t, mark, m.value.kind)
	}
}

// TestPortsMatch: source and destination ports, and their inversion, are independent.
func TestPortsMatch(t *testing.T) {
	anyPort := [2]uint16{0, 0xffff}
	for _, c := range []struct {
		source, destination        [2]uint16
		sourceInverse, destInverse bool
		want                       int // matches
	}{
		{anyPort, anyPort, false, false, 0},
		{[2]uint16{1, 2}, anyPort, false, false, 1},
		{anyPort, [2]uint16{1, 2}, false, true, 1},
		{anyPort, anyPort, false, true, 1},
		{[2]uint16{1, 2}, [2]uint16{3, 4}, true, false, 2},
	} {
		l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
		l.exact = true
		l.portsMatch(c.source, c.destination, c.sourceInverse, c.destInverse)
		require.Len(t, l.steps, c.want)
		for _, s := range l.steps {
			m := s.(match)
			ports, inverse := c.source, c.sourceInverse
			if m.value.kind == port {
				ports, inverse = c.destination, c.destInverse
			}
			assert.Equal(t, inverse, m.test.inverse)
			assert.Equal(t, []interval{portInterval(ports[0], ports[1])}, m.test.within)
		}
	}
}

// TestExtensionLength: an extension of another revision, or one that is too short, is
// unknown.
func TestExtensionLength(t *testing.T) {
	x := extension{"mark", 1, make([]byte, 9)}
	assert.True(t, x.is("mark", 1, 9))
	assert.False(t, x.is("mark", 1, 10))
	assert.False(t, x.is("mark", 0, 9))
	assert.False(t, x.is("MARK", 1, 9))
	raw := xt.Unknown(x.info)
	assert.Equal(t, x, extensionOf("mark", 1, &raw))
	assert.Empty(t, extensionOf("tcp", 0, &xt.Tcp{}).info)
}

// TestMatchingFields: all fields of a concatenated key must match. A key that is too short
// narrows no further.
func TestMatchingFields(t *testing.T) {
	s := spaceOf(nft.IPv4, "10.0.0.0", "10.0.0.1", "10.0.0.2")
	w := newWalk(newReader(nil, s), 0, 100)
	all := branch{part: part{classes: fullBitset(s.count), low: 1, high: 9}}
	fields := []value{{kind: address, size: 4}, {kind: port, size: 2}}
	key := []byte{10, 0, 0, 1, 0, 5, 0, 0}
	hits := w.matchingFields(all, fields, interval{key, key})
	require.Len(t, hits, 1)
	assert.Equal(t, []uint16{5, 5}, []uint16{hits[0].low, hits[0].high})
	assert.Equal(t, 1, hits[0].classes.count())
	for _, short := range []interval{{key[:5], key}, {key, key[:5]}, {key[:5], key[:5]}} {
		hits := w.matchingFields(all, fields, short)
		require.Len(t, hits, 1)
		assert.Equal(t, []uint16{1, 9}, []uint16{hits[0].low, hits[0].high})
	}
	w.steps = 0
	w.matching(all, fields, []interval{{key, key}, {key, key}, {key, key}})
	assert.GreaterOrEqual(t, w.steps, 3, "each key counts")
}

// TestPortFlags: the flags of tcp and udp invert the source ports or the destination ports.
func TestPortFlags(t *testing.T) {
	ports := [2]uint16{5, 6}
	for name, e := range map[string]*expr.Match{
		"tcp source":      {Name: "tcp", Info: &xt.Tcp{SrcPorts: ports, DstPorts: ports, InvFlags: xt.TcpInvSrcPorts}},
		"tcp destination": {Name: "tcp", Info: &xt.Tcp{SrcPorts: ports, DstPorts: ports, InvFlags: xt.TcpInvDestPorts}},
		"udp source":      {Name: "udp", Info: &xt.Udp{SrcPorts: ports, DstPorts: ports, InvFlags: xt.UdpInvSrcPorts}},
		"udp destination": {Name: "udp", Info: &xt.Udp{SrcPorts: ports, DstPorts: ports, InvFlags: xt.UdpInvDestPorts}},
	} {
		l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), map[nft.Expression]expr.Any{})
		l.exact = true
		loaded := l.load(nft.IPv4, ruleOf(t, e))
		require.NotNil(t, loaded, name)
		require.Len(t, loaded.steps, 2, name)
		for _, s := range loaded.steps {
			isDestination := s.(match).value.kind == port
			assert.Equal(t, isDestination == strings.HasSuffix(name, "destination"), s.(match).test.inverse, name)
		}
	}
}

// TestTargets: what each kind of xtables target does.
func TestTargets(t *testing.T) {
	for name, want := range map[string][]step{
		"DNAT": {interception{effect: Redirects, ends: true}}, "REDIRECT": {interception{effect: Redirects, ends: true}},
		"NETMAP": {interception{effect: Redirects, ends: true}}, "REJECT": {interception{effect: Rejects, ends: true}},
		"NFQUEUE": {interception{effect: Queues, ends: true}}, "QUEUE": {interception{effect: Queues, ends: true}},
		"TPROXY": {interception{effect: Proxies, ends: true}}, "SYNPROXY": {interception{effect: Proxies, ends: true}},
		"TARPIT": {interception{effect: Drops, ends: true}}, "NOTRACK": {notrack{}},
		"SNAT": {sourceTranslation{}}, "MASQUERADE": {sourceTranslation{masquerade: true}},
		"HMARK": {unknownMark{"HMARK"}},
		"OTHER": {interception{effect: Unknown, condition: "the unknown target OTHER"}},
	} {
		raw := xt.Unknown(make([]byte, 8))
		assert.Equal(t, want, stepsOf(t, &expr.Target{Name: name, Rev: 9, Info: &raw}), name)
	}
	for _, name := range []string{
		"LOG", "NFLOG", "ULOG", "TRACE", "TCPMSS", "TCPOPTSTRIP", "DSCP", "TOS", "ECN", "TTL", "HL", "CLASSIFY", "CHECKSUM",
		"TEE", "AUDIT", "SECMARK", "CONNSECMARK", "RATEEST", "LED", "IDLETIMER", "ACCOUNT",
	} {
		raw := xt.Unknown(make([]byte, 8))
		assert.Empty(t, stepsOf(t, &expr.Target{Name: name, Rev: 9, Info: &raw}), name)
	}
}

// TestSetTarget: SET gives packets the mark of an element with --map-mark, which only revision 3 has.
func TestSetTarget(t *testing.T) {
	const mapMark, mapPriority = 1 << 8, 1 << 9 // IPSET_FLAG_MAP_*
	for name, c := range map[string]struct {
		revision uint32
		flags    uint32
		want     []step
	}{
		"--add-set":           {3, 0, []step{}},
		"--map-prio":          {3, mapPriority, []step{}},
		"--map-mark":          {3, mapMark | mapPriority, []step{unknownMark{"SET --map-mark"}}},
		"an earlier revision": {2, mapMark, []step{}},
		"a later revision":    {4, 0, []step{unknownMark{"SET --map-mark"}}},
	} {
		raw := xt.Unknown(binary.NativeEndian.AppendUint32(make([]byte, 12, 20), c.flags))
		assert.Equal(t, c.want, stepsOf(t, &expr.Target{Name: "SET", Rev: c.revision, Info: &raw}), name)
	}
}

// TestShiftedMark: CONNMARK of revision 2 can shift the mark.
func TestShiftedMark(t *testing.T) {
	const set, restore = 0, 2 // XT_CONNMARK_*
	for _, c := range []struct {
		bits, mode byte
		want       step
	}{{1, restore, unknownMark{"CONNMARK"}}, {1, set, ctMarkSet{}}} {
		raw := xt.Unknown(append(make([]byte, 12, 16), 1, c.bits, c.mode, 0))
		assert.Equal(t, []step{c.want}, stepsOf(t, &expr.Target{Name: "CONNMARK", Rev: 2, Info: &raw}))
	}
	raw := xt.Unknown(append(make([]byte, 12, 16), 1, 0, restore, 0))
	assert.IsType(t, markRestore{}, stepsOf(t, &expr.Target{Name: "CONNMARK", Rev: 2, Info: &raw})[0])
}

// TestStateMatches: the match state, and each revision of conntrack, test the state.
func TestStateMatches(t *testing.T) {
	const established = 2
	raw := xt.Unknown(binary.NativeEndian.AppendUint32(nil, established))
	base := xt.ConntrackMtinfoBase{MatchFlags: uint16(xt.ConntrackState)}
	for name, m := range map[string]*expr.Match{
		"state":       {Name: "state", Info: &raw},
		"conntrack 1": {Name: "conntrack", Rev: 1, Info: &xt.ConntrackMtinfo1{ConntrackMtinfoBase: base, StateMask: established}},
		"conntrack 2": {Name: "conntrack", Rev: 2, Info: &xt.ConntrackMtinfo2{ConntrackMtinfoBase: base, StateMask: established}},
		"conntrack 3": {Name: "conntrack", Rev: 3, Info: &xt.ConntrackMtinfo3{ConntrackMtinfo2: xt.ConntrackMtinfo2{ConntrackMtinfoBase: base, StateMask: established}}},
	} {
		steps := stepsOf(t, m)
		require.Len(t, steps, 1, name)
		loaded, ok := steps[0].(match)
		require.True(t, ok, name)
		assert.Equal(t, ctState, loaded.value.name, name)
		for state, holds := range map[uint32]bool{established: true, 8: false} {
			assert.Equal(t, holds, loaded.test.holds(loaded.value.apply(hostUint32(state))), "%s: %d", name, state)
		}
	}
}

// TestUnknownMatch: a match of an unknown revision is a condition.
func TestUnknownMatch(t *testing.T) {
	for _, name := range []string{"limit", "recent", "mark", "state"} {
		raw := xt.Unknown(make([]byte, 2))
		assert.Equal(t, []step{condition{name}}, stepsOf(t, &expr.Match{Name: name, Rev: 9, Info: &raw}), name)
	}
}

// stepsOf returns the steps of a rule with one expression.
func stepsOf(t *testing.T, e expr.Any) []step {
	t.Helper()
	l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), map[nft.Expression]expr.Any{})
	l.load(nft.IPv4, ruleOf(t, e))
	return append([]step{}, l.steps...)
}

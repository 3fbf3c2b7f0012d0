package firewall

import (
	"errors"
	"iter"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// TestHookPoints: the chains that packets pass on their way to IPVS, and whether they run
// before lvsmark's chain.
func TestHookPoints(t *testing.T) {
	const none = position(-1)
	for _, c := range []struct {
		family   nft.Family
		typ      string
		hook     uint32
		priority int32
		want     position
	}{
		{nft.IPv4, "", nft.HookPrerouting, 0, none},
		{nft.IPv4, "filter", nft.HookPrerouting, nft.PriorityMangle - 1, beforeMarks},
		{nft.IPv6, "filter", nft.HookPrerouting, nft.PriorityMangle, samePriority},
		{nft.Inet, "filter", nft.HookPrerouting, nft.PriorityMangle + 1, afterMarks},
		{nft.Inet, "nat", nft.HookPrerouting, nft.PriorityMangle - 1, afterMarks},
		{nft.Inet, "filter", nft.HookIngress, 100, beforeMarks},
		{nft.Netdev, "filter", nft.NetdevIngress, 100, beforeMarks},
		{nft.Netdev, "filter", nft.NetdevIngress + 1, 0, none},
		{nft.Bridge, "filter", nft.HookPrerouting, 0, none},
		{nft.ARP, "filter", nft.HookInput, 0, none},
		{nft.IPv4, "filter", nft.HookInput, 99, afterMarks},
		{nft.IPv4, "filter", nft.HookInput, 100, none},
		{nft.IPv4, "nat", nft.HookInput, 0, none},
		{nft.IPv4, "filter", nft.HookForward, 0, none},
		{nft.IPv4, "filter", nft.HookOutput, 0, none},
		{nft.IPv4, "nat", nft.HookPostrouting, 0, none},
	} {
		table := newTable(&nft.Table{Family: c.family, Chains: []*nft.Chain{{Name: "c", Type: c.typ, Hook: c.hook, Priority: c.priority}}})
		at, ok := toVIP.hookPoint(table.chains["c"])
		assert.Equal(t, c.want != none, ok, "%+v", c)
		if ok {
			assert.Equal(t, c.want, at.position, "%+v", c)
		}
	}
	clusters := &marking{byClass: []uint32{21}}
	for position, want := range map[position]*marking{beforeMarks: {}, samePriority: {unknown: true}, afterMarks: clusters} {
		parts := []part{{clusters: clusters, mark: &marking{all: 7}}, {clusters: clusters, mark: &marking{all: 7}, later: true}}
		w := &walk{space: &space{}}
		assert.Equal(t, want, w.withMarks(position, parts)[0].mark)
		assert.Equal(t, want, w.withMarks(position, parts)[1].mark)
		assert.Equal(t, uint32(7), parts[0].mark.all, "the argument is not changed")

		w.space.firstOnly = true
		assert.Equal(t, want, w.withMarks(position, parts)[0].mark)
		assert.Equal(t, &marking{}, w.withMarks(position, parts)[1].mark)
		w.markedByOther = true
		assert.Equal(t, &marking{unknown: true}, w.withMarks(position, parts)[1].mark)
	}
}

// TestMarking: the marks of packets after their mark is set to a value.
func TestMarking(t *testing.T) {
	s := newSpace(nft.IPv4, nil)
	s.setAddresses([]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")})
	w := newWalk(newReader(nil, s), 0, 10)
	b := branch{part: part{classes: newBitset(3)}}
	b.classes.set(0)
	b.classes.set(2)
	byClass := func(size int) func(int) []byte {
		return func(class int) []byte { return markBytes(uint32(class + 5))[:size] }
	}
	known := &marking{all: 9}
	for name, c := range map[string]struct {
		value value
		want  *marking
	}{
		"constant":        {constantValue("", markBytes(7)), &marking{all: 7}},
		"short constant":  {constantValue("", []byte{7, 0}), &marking{unknown: true}},
		"opaque":          {opaqueValue("", 4), &marking{unknown: true}},
		"marks of a map":  {value{kind: perClass, size: 4, marks: known, byClass: byClass(4)}, known},
		"each class":      {value{kind: perClass, size: 4, byClass: byClass(4)}, &marking{byClass: []uint32{5, 0, 7}}},
		"short per class": {value{kind: perClass, size: 2, byClass: byClass(2)}, &marking{unknown: true}},
		"of other length": {value{kind: perClass, size: 4, byClass: byClass(3)}, &marking{unknown: true}},
	} {
		assert.Equal(t, c.want, w.marking(b, c.value), name)
	}
	assert.True(t, known.equal(&marking{all: 9}))
	for _, other := range []*marking{{all: 8}, {unknown: true}, {byClass: []uint32{9}}, {unknown: true, lost: true}} {
		assert.False(t, known.equal(other))
		assert.True(t, other.equal(other))
	}
	assert.True(t, (&marking{unknown: true}).equal(&marking{unknown: true}))
	assert.False(t, (&marking{unknown: true}).equal(&marking{unknown: true, lost: true}))
}

// A countedSource counts the reads of a source, and fails if err is set.
type countedSource struct {
	inMemory
	reads map[string]int
	err   error
}

func (s *countedSource) Sets(t *nft.Table) ([]*nft.Set, error) {
	s.reads["sets"]++
	return t.Sets, s.err
}

func (s *countedSource) Elements(_ *nft.Table, set *nft.Set) iter.Seq2[nft.Element, error] {
	s.reads["elements"]++
	return s.failing(each(set.Elements))
}

func (s *countedSource) failing(list iter.Seq2[nft.Element, error]) iter.Seq2[nft.Element, error] {
	if s.err != nil {
		return func(yield func(nft.Element, error) bool) { yield(nft.Element{}, s.err) }
	}
	return list
}

// TestReadOnce: the sets of a table and the elements of a set are read once, for any
// layout and any number of rules that look them up. Errors are returned.
func TestReadOnce(t *testing.T) {
	s := newSpace(nft.IPv4, nil)
	s.setAddresses([]netip.Addr{netip.MustParseAddr("10.0.0.1")})
	source := &countedSource{reads: map[string]int{}}
	w := newWalk(newReader(source, s), 0, 10)
	table := newTable(&nft.Table{Family: nft.IPv4, Sets: []*nft.Set{{Name: "s", KeyLen: 4}}})
	address := []value{{kind: address, size: 4}}
	for range 3 {
		set, err := w.set(table, "s")
		require.NoError(t, err)
		first, err := w.index(table, set, address)
		require.NoError(t, err)
		second, err := w.index(table, set, address)
		require.NoError(t, err)
		assert.Same(t, first, second)
		assert.NotNil(t, first.present)
		other, err := w.index(table, set, []value{opaqueValue("", 4)})
		require.NoError(t, err)
		assert.NotSame(t, first, other)
		assert.Nil(t, other.present)
		missing, err := w.set(table, "none")
		require.NoError(t, err)
		assert.Nil(t, missing)
	}
	assert.Equal(t, map[string]int{"sets": 1, "elements": 1}, source.reads)

	source.err = errors.New("broken")
	_, err := w.set(newTable(&nft.Table{Family: nft.IPv4}), "s")
	require.ErrorIs(t, err, source.err)
	set := &set{head: &nft.Set{Name: "s", KeyLen: 4}, indexes: map[string]*index{}}
	_, err = w.index(table, set, address)
	require.ErrorIs(t, err, source.err)
	assert.Empty(t, set.indexes)
}

// TestGrouped groups outcomes that differ in their parts only, and a break is no end.
func TestGrouped(t *testing.T) {
	with := func(low uint16, kind expr.VerdictKind, chain string, conditions ...string) outcome {
		return outcome{branch: branch{part: part{low: low}, conditions: conditions}, verdict: kind, chain: chain, ends: true}
	}
	var got [][]uint16
	for _, g := range new(walk).grouped([]outcome{
		with(1, expr.VerdictAccept, ""), with(2, expr.VerdictDrop, ""), with(3, expr.VerdictAccept, ""), with(4, expr.VerdictAccept, "", "c"),
		with(5, expr.VerdictJump, "x"), with(6, expr.VerdictJump, "y"), with(7, expr.VerdictBreak, ""),
		{branch: branch{part: part{low: 8}}},
		{branch: branch{part: part{low: 9}, marked: true}},
		with(10, expr.VerdictJump, "x"),
	}) {
		var lows []uint16
		for _, p := range g.parts {
			lows = append(lows, p.low)
		}
		got = append(got, lows)
		assert.Equal(t, !slices.Contains(lows, 8) && !slices.Contains(lows, 9), g.ends)
	}
	assert.Equal(t, [][]uint16{{1, 3}, {2}, {4}, {5, 10}, {6}, {7, 8}, {9}}, got)
}

// TestJoinConditions: the result is sorted and has each condition once.
func TestJoinConditions(t *testing.T) {
	for _, c := range [][3][]string{
		{nil, nil, nil}, {{"a"}, nil, {"a"}}, {nil, {"b"}, {"b"}}, {{"b"}, {"a"}, {"a", "b"}}, {{"a", "c"}, {"a", "b"}, {"a", "b", "c"}}, {{"b", "a"}, nil, {"a", "b"}},
	} {
		assert.Equal(t, c[2], joinConditions(c[0], c[1]), "%v, %v", c[0], c[1])
	}
	assert.Equal(t, []string{"a", "b"}, branch{conditions: []string{"a"}}.withConditions("", "b", "a", "b").conditions)
}

package firewall

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// A set is a set, map or verdict map of a table. Its elements are read only when a rule
// looks up known fields in it: sets of source addresses can be large.
type set struct {
	head     *nft.Set
	indexes  map[string]*index // by the fields that rules look up, see layoutOf
	elements []nft.Element     // see readOnce
	isRead   bool
}

// An index has the elements of a set that packets of a space can match, for a lookup of
// certain fields.
type index struct {
	list     []entry
	catchAll *entry // the catch-all element; nil: none

	// Used if the key is the destination address alone. Otherwise nil.
	present bitset   // the classes that the set has an element for
	partial bitset   // the classes of which only some addresses may be in the set
	byClass []int32  // the index in list, by class; nil if marks is used
	marks   *marking // the value of the map by class, if values have 4 bytes
}

// An entry is keys of a set with the same answer.
type entry struct {
	decision
	data []byte     // of maps
	keys []interval // single keys too; unused if the index is by class
}

// A decision is the answer of a verdict map.
type decision struct {
	verdict expr.VerdictKind
	chain   string
	decides bool // false: no verdict
}

// index returns the index of the set for the fields, and reads the elements if it is
// not made yet.
func (w *walk) index(t *table, s *set, fields []value) (*index, error) {
	layout := fmt.Sprint(w.spaceIndex, " ", layoutOf(fields))
	if x := s.indexes[layout]; x != nil {
		return x, nil
	}
	i := indexer{space: w.space, set: s.head, fields: fields, x: &index{}, entries: map[nft.Answer]int{}}
	i.byClass = len(fields) == 1 && fields[0].kind == address && fields[0].change == nil
	if i.byClass {
		i.x.present, i.x.partial = newBitset(w.space.count), newBitset(w.space.count)
		if i.hasMarks = s.head.DataLen == 4; i.hasMarks {
			i.x.marks = &marking{byClass: make([]uint32, w.space.count)}
		} else {
			i.x.byClass = make([]int32, w.space.count)
		}
	}
	for e, err := range w.elements(t, s, i.byClass) {
		if err != nil {
			return nil, err
		}
		i.element(e)
	}
	i.finish()
	s.indexes[layout] = i.x
	return i.x, nil
}

// elements yields at least the elements of a set that packets of the space can match. If
// the elements are in memory and the addresses few, it looks up each address instead of
// reading all elements.
func (w *walk) elements(t *table, s *set, byClass bool) iter.Seq2[nft.Element, error] {
	const ratio = 16 // of elements to addresses; from this ratio on, lookups are faster
	if _, ok := w.source.(inMemory); !ok {
		return w.readOnce(t, s)
	}
	if !byClass || !w.space.single() || w.space.count > len(s.head.Elements)/ratio {
		return w.source.Elements(t.Table, s.head)
	}
	find := s.head.Finder()
	if find == nil {
		return w.source.Elements(t.Table, s.head)
	}
	return func(yield func(nft.Element, error) bool) {
		for class := range w.space.count {
			if e, ok := find(w.space.lowOf(class)); ok && !yield(e, nil) {
				return
			}
		}
	}
}

// readOnce yields the elements of a set, and keeps them for other layouts and spaces: to
// read them takes longer than to index them.
func (w *walk) readOnce(t *table, s *set) iter.Seq2[nft.Element, error] {
	if s.isRead {
		return each(s.elements)
	}
	return func(yield func(nft.Element, error) bool) {
		var elements []nft.Element
		for e, err := range w.source.Elements(t.Table, s.head) {
			if !yield(e, err) || err != nil {
				return
			}
			elements = append(elements, e)
		}
		s.elements, s.isRead = elements, true
	}
}

// layoutOf identifies what an index depends on: the kinds and sizes of the fields, and
// how they are masked.
func layoutOf(fields []value) string {
	var b strings.Builder
	for _, v := range fields {
		fmt.Fprintf(&b, "%d.%d.%t.%x ", v.kind, v.size, v.change != nil, v.prefix)
	}
	return b.String()
}

// An indexer builds an index from elements.
type indexer struct {
	space    *space
	set      *nft.Set
	fields   []value
	byClass  bool
	hasMarks bool // the index has marks
	x        *index
	entries  map[nft.Answer]int // indexes in x.list
	last     nft.Answer         // its index is lastAt
	lastAt   int
	ends     []rangeEnd // of interval sets, see finish
	low      []byte     // of the current element
	high     []byte
	first    int // the classes that it matches, if the index is by class
	end      int
	exact    bool
}

// A rangeEnd is an element that begins an interval, or ends the interval before it.
type rangeEnd struct {
	key    string
	rest   string // of the element
	begins bool
}

func (i *indexer) element(e nft.Element) {
	m := e.Match()
	switch {
	case m.CatchAll:
		answer := e.Answer()
		i.x.catchAll = &entry{decision: decisionOf(answer), data: []byte(answer.Data)}
	case i.set.RangesArePairs() && m.KeyEnd == "":
		if m.EndsRange {
			i.ends = append(i.ends, rangeEnd{key: m.Key})
		} else if m.Key != "" {
			i.ends = append(i.ends, rangeEnd{m.Key, e.Rest, true})
		}
	case m.EndsRange, m.Key == "":
	default:
		i.low = append(i.low[:0], m.Key...)
		i.high = append(i.high[:0], m.Key...)
		if len(m.KeyEnd) == len(m.Key) {
			i.high = append(i.high[:0], m.KeyEnd...)
		}
		if keys := (interval{i.low, i.high}); i.isRelevant(keys) {
			i.add(e.Answer(), keys)
		}
	}
}

func decisionOf(a nft.Answer) decision { return decision{a.Verdict, a.Chain, a.IsVerdict} }

// entry returns the index in x.list of the entry for the answer. A set has one entry, a
// map one for each value.
func (i *indexer) entry(a nft.Answer) int {
	if len(i.x.list) > 0 && a == i.last {
		return i.lastAt
	}
	at, known := i.entries[a]
	if !known {
		at = len(i.x.list)
		i.entries[a] = at
		i.x.list = append(i.x.list, entry{decision: decisionOf(a), data: []byte(a.Data)})
	}
	i.last, i.lastAt = a, at
	return at
}

// isRelevant reports whether packets of the space can match one of the keys.
func (i *indexer) isRelevant(keys interval) bool {
	if i.byClass && len(keys.low) <= i.fields[0].size {
		i.first, i.end, i.exact = i.space.span(keys)
		return i.first < i.end
	}
	at := 0
	for _, v := range i.fields {
		end := at + v.size
		if end > len(keys.low) || end > len(keys.high) {
			return true
		}
		if !i.space.mayHave(v, interval{keys.low[at:end], keys.high[at:end]}) {
			return false
		}
		at += nft.RegisterLen(v.size)
	}
	return true
}

// mayHave reports whether the value can be in the interval for a packet of the space.
func (s *space) mayHave(v value, i interval) bool {
	switch {
	case v.change != nil:
		return true
	case v.kind == address:
		first, end, _ := s.span(i)
		return first < end
	case v.kind == port:
		return s.hasPorts(i)
	case v.kind == protocol:
		return s.hasProtocol(func(p config.Protocol) bool { return i.contains([]byte{byte(p)}) })
	}
	return true
}

// add adds keys, which the caller may modify afterwards.
func (i *indexer) add(answer nft.Answer, keys interval) {
	if !i.byClass {
		e := &i.x.list[i.entry(answer)]
		e.keys = append(e.keys, interval{slices.Clone(keys.low), slices.Clone(keys.high)})
		return
	}
	if len(keys.low) > i.fields[0].size || i.hasMarks && len(answer.Data) != 4 {
		return // not from a kernel
	}
	entry := 0
	if !i.hasMarks {
		entry = i.entry(answer)
	}
	for class := i.first; class < i.end; class++ {
		i.x.present.set(class)
		if !i.exact {
			i.x.partial.set(class)
		}
		if i.hasMarks {
			i.x.marks.byClass[class] = hostOrdered([]byte(answer.Data))
		} else {
			i.x.byClass[class] = int32(entry)
		}
	}
}

// finish turns range ends into intervals: each ends before the next rangeEnd.
func (i *indexer) finish() {
	switch {
	case slices.IsSortedFunc(i.ends, compareEnds):
	case slices.IsSortedFunc(i.ends, func(a, b rangeEnd) int { return compareEnds(b, a) }):
		slices.Reverse(i.ends)
	default:
		slices.SortFunc(i.ends, compareEnds)
	}
	for n, e := range i.ends {
		if !e.begins {
			continue
		}
		i.low = append(i.low[:0], e.key...)
		high := filled(len(e.key), 0xff)
		for _, next := range i.ends[n+1:] {
			if next.key != e.key && len(next.key) == len(e.key) {
				high, _ = nft.Predecessor([]byte(next.key))
				break
			}
		}
		if keys := (interval{i.low, high}); i.isRelevant(keys) {
			i.add(nft.Element{Rest: e.rest}.Answer(), keys)
		}
	}
}

func compareEnds(a, b rangeEnd) int { return strings.Compare(a.key, b.key) }

package firewall

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// A set is a set, map or verdict map of a table. Its elements are read when a rule asks
// it about something known: sets of sources can be large.
type set struct {
	head    *nft.Set
	indexes map[string]*index // by what rules ask
}

// An index is what a set has for packets of a space, where a rule asks it about certain
// fields. Elements that no packet of the space meets are left out.
type index struct {
	list     []entry
	catchAll *entry // of all that no other element has; nil: none

	// Where the set is asked about the destination address alone. Otherwise nil.
	byClass []int32  // of each class its entry in the list
	present bitset   // the classes that have one
	vague   bitset   // the classes of which only some addresses may have it
	marks   *marking // what the set has for each class, where that may be a mark
}

// An entry is what a set has for some of its keys.
type entry struct {
	decision
	data []byte     // of maps
	keys []interval // single keys too; of no matter where the index is by class
}

// A decision is what a verdict map has.
type decision struct {
	verdict expr.VerdictKind
	chain   string
	decides bool // there is a verdict
}

// index reads the elements of the set for the fields, once.
func (w *walk) index(t *table, s *set, fields []value) (*index, error) {
	layout := fmt.Sprint(w.number, " ", layoutOf(fields))
	if x := s.indexes[layout]; x != nil {
		return x, nil
	}
	i := indexer{space: w.space, set: s.head, fields: fields, x: &index{}, entries: map[string]int{}}
	i.byClass = len(fields) == 1 && fields[0].kind == destination && fields[0].change == nil
	if i.byClass {
		i.x.byClass = make([]int32, w.space.count)
		i.x.present, i.x.vague = newBitset(w.space.count), newBitset(w.space.count)
	}
	for e, err := range w.source.Elements(t.Table, s.head) {
		if err != nil {
			return nil, err
		}
		i.element(e.Match())
	}
	i.finish()
	s.indexes[layout] = i.x
	return i.x, nil
}

// layoutOf tells fields apart as far as indexes depend on them.
func layoutOf(fields []value) string {
	var b strings.Builder
	for _, v := range fields {
		fmt.Fprintf(&b, "%d.%d.%t.%x ", v.kind, v.size, v.change != nil, v.prefix)
	}
	return b.String()
}

// An indexer makes an index of elements.
type indexer struct {
	space   *space
	set     *nft.Set
	fields  []value
	byClass bool
	x       *index
	entries map[string]int
	ends    []rangeEnd // of sets of intervals, see finish
	low     []byte     // of the element at hand
	high    []byte
	id      []byte
}

// A rangeEnd is an element that begins an interval, or ends the one below it.
type rangeEnd struct {
	key   string
	entry int // -1: it ends one
}

func (i *indexer) element(e nft.ElementMatch) {
	switch {
	case e.CatchAll:
		i.x.catchAll = &entry{decision: decisionOf(e), data: []byte(e.Data)}
	case i.set.RangesArePairs() && e.KeyEnd == "":
		if e.EndsRange {
			i.ends = append(i.ends, rangeEnd{e.Key, -1})
		} else if e.Key != "" {
			i.ends = append(i.ends, rangeEnd{e.Key, i.entry(e)})
		}
	case e.EndsRange, e.Key == "":
	default:
		i.low = append(i.low[:0], e.Key...)
		i.high = append(i.high[:0], e.Key...)
		if len(e.KeyEnd) == len(e.Key) {
			i.high = append(i.high[:0], e.KeyEnd...)
		}
		if keys := (interval{i.low, i.high}); i.isMet(keys) {
			i.add(i.entry(e), keys)
		}
	}
}

func decisionOf(e nft.ElementMatch) decision { return decision{e.Verdict, e.Chain, e.IsVerdict} }

// entry is the number of the entry for what the element has: a set has one, a map one
// for each value.
func (i *indexer) entry(e nft.ElementMatch) int {
	i.id = append(append(append(i.id[:0], e.Data...), 0), e.Chain...)
	i.id = append(i.id, 0, byte(e.Verdict>>24), byte(e.Verdict>>16), byte(e.Verdict>>8), byte(e.Verdict))
	at, known := i.entries[string(i.id)]
	if !known {
		at = len(i.x.list)
		i.entries[string(i.id)] = at
		i.x.list = append(i.x.list, entry{decision: decisionOf(e), data: []byte(e.Data)})
	}
	return at
}

// isMet reports whether packets of the space may have one of the keys.
func (i *indexer) isMet(keys interval) bool {
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

// mayHave reports whether the value may be in the interval for a packet of the space.
func (s *space) mayHave(v value, i interval) bool {
	switch {
	case v.change != nil:
		return true
	case v.kind == destination:
		first, end, _ := s.span(i)
		return first < end
	case v.kind == port:
		return s.hasPorts(i)
	case v.kind == protocol:
		return s.hasProtocol(func(p config.Protocol) bool { return i.contains([]byte{byte(p)}) })
	}
	return true
}

// add adds keys, which are not kept.
func (i *indexer) add(entry int, keys interval) {
	if !i.byClass {
		e := &i.x.list[entry]
		e.keys = append(e.keys, interval{slices.Clone(keys.low), slices.Clone(keys.high)})
		return
	}
	if len(keys.low) > i.fields[0].size {
		i.byClass, i.x.byClass = false, nil // what no packet has
		return
	}
	first, end, exact := i.space.span(keys)
	for ; first < end; first++ {
		i.x.byClass[first] = int32(entry)
		i.x.present.set(first)
		if !exact {
			i.x.vague.set(first)
		}
	}
}

// finish makes intervals of their ends: one reaches to the next end.
func (i *indexer) finish() {
	switch {
	case slices.IsSortedFunc(i.ends, compareEnds):
	case slices.IsSortedFunc(i.ends, func(a, b rangeEnd) int { return compareEnds(b, a) }):
		slices.Reverse(i.ends)
	default:
		slices.SortFunc(i.ends, compareEnds)
	}
	for n, e := range i.ends {
		if e.entry < 0 {
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
		if keys := (interval{i.low, high}); i.isMet(keys) {
			i.add(e.entry, keys)
		}
	}
	i.addMarks()
}

func compareEnds(a, b rangeEnd) int { return strings.Compare(a.key, b.key) }

// addMarks has the index know the mark of each class.
func (i *indexer) addMarks() {
	if i.x.byClass == nil || slices.ContainsFunc(i.x.list, func(e entry) bool { return len(e.data) != 4 }) {
		return
	}
	i.x.marks = &marking{byClass: make([]uint32, i.space.count)}
	for class := range i.x.present.each {
		i.x.marks.byClass[class] = hostOrdered(i.x.list[i.x.byClass[class]].data)
	}
}

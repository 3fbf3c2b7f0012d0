package firewall

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/nft"
)

// partition divides all addresses into classes, and makes them the classes of the space.
// The included rules, and elements of their sets, do not distinguish addresses of a class.
func (s *space) partition(tables []*nft.Table, counts func(*nft.Table, *nft.Rule) bool) {
	p := &partition{size: s.size, sets: map[setField]bool{}}
	p.cut(interval{filled(s.size, 0), filled(s.size, 0xff)})
	// The loader omits rules that no packet of its space matches; this space has all packets.
	everything := newSpace(s.family, s.ports)
	everything.low, everything.high, everything.count = filled(s.size, 0), filled(s.size, 0xff), 1
	l := newLoader(everything, map[nft.Expression]expr.Any{})
	for _, t := range tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				if counts(t, r) {
					p.rule(t, l.load(t.Family, r))
				}
			}
		}
	}
	p.classes(s)
}

// A partition has the first address of each class: the first addresses of intervals, and
// the addresses after their last.
type partition struct {
	size      int
	starts    []byte            // concatenated addresses
	low, high []byte            // of the current element
	sets      map[setField]bool // already cut
}

// A setField is a field of the keys of a set, with its offset and size in bytes.
type setField struct {
	set      *nft.Set
	at, size int
}

// cut begins a class at the start of the interval, and another after its end.
func (p *partition) cut(i interval) {
	p.start(i.low)
	at := len(p.starts)
	p.starts = append(p.starts, i.high...)
	for len(p.starts) < at+p.size {
		p.starts = append(p.starts, 0xff)
	}
	if !increment(p.starts[at:]) {
		p.starts = p.starts[:at]
	}
}

// start begins a class at the first address with the prefix low.
func (p *partition) start(low []byte) {
	end := len(p.starts) + p.size
	p.starts = append(p.starts, low...)
	for len(p.starts) < end {
		p.starts = append(p.starts, 0)
	}
}

// increment adds 1 to b; false: b was the highest value.
func increment(b []byte) bool {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return true
		}
	}
	return false
}

// decrement subtracts 1 from b.
func decrement(b []byte) {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]--; b[i] != 0xff {
			return
		}
	}
}

func (p *partition) rule(t *nft.Table, r *rule) {
	if r == nil {
		return
	}
	for _, s := range r.steps {
		switch s := s.(type) {
		case match:
			p.value(s.value, s.test)
		case lookup:
			if set := t.Set(s.set); set != nil {
				p.set(set, s.fields(func(v value) value { b := branch{part: part{mark: &marking{unknown: true}}}; return b.resolve(v) }, int(set.KeyLen)))
			}
		}
	}
}

// value cuts at the intervals of a test of the destination address.
func (p *partition) value(v value, t test) {
	if v.kind != address {
		return
	}
	if v, t = v.unmasked(t); v.change != nil {
		return
	}
	for _, i := range t.within {
		if len(i.low) <= p.size {
			p.cut(i)
		}
	}
}

// set cuts at the elements of a set.
func (p *partition) set(s *nft.Set, fields []value) {
	at := 0
	for _, v := range fields {
		if field := (setField{s, at, v.size}); v.kind == address && v.change == nil && !p.sets[field] {
			p.sets[field] = true
			for _, e := range s.Elements {
				p.element(e.Match(), s.RangesArePairs(), at, v.size)
			}
		}
		at += nft.RegisterLen(v.size)
	}
}

func (p *partition) element(e nft.ElementMatch, pairs bool, at, size int) {
	high := e.Key
	if len(e.KeyEnd) == len(e.Key) {
		high = e.KeyEnd
	}
	if at+size > len(e.Key) || size > p.size {
		return
	}
	p.low = append(p.low[:0], e.Key[at:at+size]...)
	if pairs { // each element begins or ends an interval
		p.start(p.low)
		return
	}
	p.high = append(p.high[:0], high[at:at+size]...)
	p.cut(interval{p.low, p.high})
}

// classes gives the space one class from each start to the next.
func (p *partition) classes(s *space) {
	p.sort()
	s.low, s.count = p.starts, len(p.starts)/p.size
	s.high = make([]byte, 0, len(s.low))
	for class := 1; class < s.count; class++ {
		s.high = append(s.high, s.lowOf(class)...)
		decrement(s.high[len(s.high)-p.size:])
	}
	s.high = append(s.high, filled(p.size, 0xff)...)
}

// sort sorts the starts and removes duplicates.
func (p *partition) sort() {
	if p.size == 4 { // sorting numbers is faster
		numbers := make([]uint32, len(p.starts)/4)
		for i := range numbers {
			numbers[i] = binary.BigEndian.Uint32(p.starts[4*i:])
		}
		slices.Sort(numbers)
		p.starts = p.starts[:0]
		for _, n := range slices.Compact(numbers) {
			p.starts = binary.BigEndian.AppendUint32(p.starts, n)
		}
		return
	}
	starts := slices.SortedFunc(slices.Chunk(p.starts, p.size), bytes.Compare)
	p.starts = slices.Concat(slices.CompactFunc(starts, bytes.Equal)...)
}

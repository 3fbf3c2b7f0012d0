package firewall

import (
	"bytes"
	"slices"

	"github.com/lvsmark/lvsmark/nft"
)

// partition has the space have all addresses, in classes that no rule of the chains and
// of their tables, and no element of a set, tells apart.
func (q MarkQuestion) partition(s *space, chains []*chain) {
	p := &partition{size: s.size}
	p.cut(interval{filled(s.size, 0), filled(s.size, 0xff)})
	// The loader leaves out what no packet of the space meets: this one has all.
	everything := newSpace(s.family, s.ports)
	everything.low, everything.high, everything.count = filled(s.size, 0), filled(s.size, 0xff), 1
	l := newLoader(everything)
	var tables []*nft.Table
	for _, c := range chains {
		if !slices.Contains(tables, c.table.Table) {
			tables = append(tables, c.table.Table)
		}
	}
	for _, t := range tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				if q.Rules == nil || q.Rules(t, r) {
					p.rule(t, l.load(t.Family, r))
				}
			}
		}
	}
	p.classes(s)
}

// A partition is where classes begin: the first addresses of intervals, and those behind
// their last.
type partition struct {
	size   int
	starts []byte // one behind the other
}

// cut has a class begin with the interval, and one behind it.
func (p *partition) cut(i interval) {
	p.starts = append(p.starts, padRight(i.low, p.size, 0)...)
	if next, ok := nft.Successor(padRight(i.high, p.size, 0xff)); ok {
		p.starts = append(p.starts, next...)
	}
}

// padRight is b with so many bytes, of which the last are with.
func padRight(b []byte, size int, with byte) []byte {
	return append(slices.Clone(b), filled(size-len(b), with)...)
}

func (p *partition) rule(t *nft.Table, r *rule) {
	if r == nil {
		return
	}
	for _, s := range r.steps {
		switch s := s.(type) {
		case match:
			p.value(s.of, s.test)
		case ask:
			if set := t.Set(s.set); set != nil {
				p.set(set, s.fields(branch{}, int(set.KeyLen)))
			}
		}
	}
}

// value cuts where a test of the destination address does.
func (p *partition) value(v value, t test) {
	if v.kind != destination {
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

// set cuts where the elements of a set do.
func (p *partition) set(s *nft.Set, fields []value) {
	at := 0
	for _, v := range fields {
		if v.kind == destination && v.change == nil {
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
	low := []byte(e.Key[at : at+size])
	if pairs { // each element begins something
		p.starts = append(p.starts, padRight(low, p.size, 0)...)
		return
	}
	p.cut(interval{low, []byte(high[at : at+size])})
}

// classes has the space have one class from each start to the next.
func (p *partition) classes(s *space) {
	starts := slices.Collect(slices.Chunk(p.starts, p.size))
	slices.SortFunc(starts, bytes.Compare)
	starts = slices.CompactFunc(starts, bytes.Equal)
	s.count = len(starts)
	s.low, s.high = make([]byte, 0, s.count*s.size), make([]byte, 0, s.count*s.size)
	for i, start := range starts {
		s.low = append(s.low, start...)
		end := filled(s.size, 0xff)
		if i+1 < len(starts) {
			end, _ = nft.Predecessor(starts[i+1])
		}
		s.high = append(s.high, end...)
	}
}

package exact

import (
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// cuts returns the values at which a program's rules begin or cease to match, sorted, and
// the lowest value of each range of the domain.
func cuts(f field, within set, programs ...*program) []oldconfig.Number {
	c := cutter{field: f, seen: map[*block]bool{}}
	for _, p := range programs {
		for _, chain := range p.chains {
			c.block(chain.block)
		}
	}
	for _, r := range within {
		c.cut(r)
	}
	slices.SortFunc(c.at, oldconfig.Number.Compare)
	c.at = slices.Compact(c.at)
	return slices.DeleteFunc(c.at, func(n oldconfig.Number) bool { return !within.contains(n) })
}

type cutter struct {
	field field
	seen  map[*block]bool
	at    []oldconfig.Number
}

func (c *cutter) cut(r oldconfig.Range) {
	c.at = append(c.at, r.Low)
	if after, ok := next(r.High); ok {
		c.at = append(c.at, after)
	}
}

func (c *cutter) block(b *block) {
	if !b.uses.has(c.field) || c.seen[b] {
		return
	}
	c.seen[b] = true
	for _, r := range b.rules {
		if !r.uses.has(c.field) {
			continue
		}
		for i := range r.segments {
			c.segment(&r.segments[i])
		}
	}
}

func (c *cutter) segment(s *segment) {
	if values := s.valuesOf(c.field); values != nil {
		for _, r := range values.set {
			c.cut(r)
		}
	}
	for _, a := range s.actions {
		switch {
		case a.target != nil:
			c.block(a.target)
		case a.rest != nil:
			for _, chain := range a.rest.chains {
				c.block(chain.block)
			}
		case c.field == destination && a.orVIP:
			c.cut(a.To[0])
		case c.field == destination:
			for _, e := range a.byAddr {
				c.cut(e.Destination)
			}
		case c.field == destinationPort && a.services != nil:
			for _, v := range a.services.byMark {
				for _, port := range v.fixed {
					c.cut(single(uint64(port))[0])
				}
			}
		}
	}
}

package exact

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A sweep specialises programs for the values of one field, in increasing order. Of a block
// with many rules for a few values each, it visits only those that match the value.
type sweep struct {
	*interner
	field  field
	value  oldconfig.Number
	turn   int // increases with value
	blocks map[*block]*blockSweep
}

type blockSweep struct {
	general []int32 // rules whose first segment does not test the field
	events  []event // sorted by at
	active  []int32 // rules whose first segment matches the value; sorted
	turn    int     // of result
	result  *block
	merged  []*rule
}

// An event is that a rule begins, or ceases, to match.
type event struct {
	at     oldconfig.Number
	rule   int32
	begins bool
}

func newSweep(in *interner, f field) *sweep {
	return &sweep{interner: in, field: f, blocks: map[*block]*blockSweep{}}
}

// moveTo sets the value; it must be larger than the one before.
func (s *sweep) moveTo(value oldconfig.Number) {
	s.value = value
	s.turn++
}

// program returns what is left of a program for packets with the value.
func (s *sweep) program(p *program) *program {
	if !p.uses.has(s.field) {
		return p
	}
	chains := make([]baseChain, 0, len(p.chains))
	for _, c := range p.chains {
		if c.block = s.block(c.block); len(c.rules) > 0 || c.drops {
			chains = append(chains, c)
		}
	}
	return s.interner.program(chains)
}

func (s *sweep) block(b *block) *block {
	if !b.uses.has(s.field) {
		return b
	}
	bs := s.blocks[b]
	if bs == nil {
		bs = newBlockSweep(b, s.field)
		s.blocks[b] = bs
	}
	if bs.turn == s.turn {
		return bs.result
	}
	bs.advance(s.value)
	rules := bs.merged[:0]
	for general, active := bs.general, bs.active; len(general)+len(active) > 0; {
		var i int32
		if len(active) == 0 || len(general) > 0 && general[0] < active[0] {
			i, general = general[0], general[1:]
		} else {
			i, active = active[0], active[1:]
		}
		if r := s.rule(b.rules[i]); r != nil {
			rules = append(rules, r)
		}
	}
	bs.merged, bs.turn = rules, s.turn
	bs.result = s.interner.block(rules)
	return bs.result
}

func newBlockSweep(b *block, f field) *blockSweep {
	bs := &blockSweep{}
	for i, r := range b.rules {
		values := r.segments[0].valuesOf(f)
		if values == nil {
			bs.general = append(bs.general, int32(i))
			continue
		}
		for _, span := range values.set {
			bs.events = append(bs.events, event{span.Low, int32(i), true})
			if after, ok := next(span.High); ok {
				bs.events = append(bs.events, event{after, int32(i), false})
			}
		}
	}
	slices.SortFunc(bs.events, func(a, b event) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(flag(a.begins), flag(b.begins))) })
	return bs
}

func (s *segment) valuesOf(f field) *interned {
	for _, t := range s.tests {
		if t.field == f {
			return t.values
		}
	}
	return nil
}

func (bs *blockSweep) advance(to oldconfig.Number) {
	for len(bs.events) > 0 && bs.events[0].at.Compare(to) <= 0 {
		e := bs.events[0]
		bs.events = bs.events[1:]
		i, found := slices.BinarySearch(bs.active, e.rule)
		switch {
		case e.begins && !found:
			bs.active = slices.Insert(bs.active, i, e.rule)
		case !e.begins && found:
			bs.active = slices.Delete(bs.active, i, i+1)
		}
	}
}

// rule returns what is left of a rule; nil: it does not match, or does nothing.
func (s *sweep) rule(r *rule) *rule {
	if !r.uses.has(s.field) {
		return r
	}
	if r.simple[s.field] {
		// The sweep has checked the only test.
		if left := r.residual[s.field]; left.known {
			return left.rule
		}
	}
	left := s.specialise(r)
	if r.simple[s.field] {
		r.residual[s.field] = specialised{left, true}
	}
	return left
}

func (s *sweep) specialise(r *rule) *rule {
	var segments []segment
	acts := false
	for i := range r.segments {
		seg := &r.segments[i]
		if values := seg.valuesOf(s.field); values != nil && !values.contains(s.value) {
			break
		}
		left := segment{dynamic: seg.dynamic}
		for _, t := range seg.tests {
			if t.field != s.field {
				left.tests = append(left.tests, t)
			}
		}
		var missed bool
		left.actions, missed = s.actions(seg.actions)
		acts = acts || len(left.actions) > 0
		if segments = append(segments, left); missed {
			break
		}
	}
	if !acts {
		return nil
	}
	return s.interner.rule(joined(segments), r.origin)
}

// joined joins segments without tests with the one before.
func joined(segments []segment) []segment {
	list := segments[:1]
	for _, s := range segments[1:] {
		if len(s.tests)+len(s.dynamic) == 0 {
			last := &list[len(list)-1]
			last.actions = slices.Concat(last.actions, s.actions)
			continue
		}
		list = append(list, s)
	}
	return list
}

// actions specialises actions. missed: a map has no element for the value, and the rule
// ends.
func (s *sweep) actions(list []*action) (left []*action, missed bool) {
	if !slices.ContainsFunc(list, func(a *action) bool { return a.uses().has(s.field) }) {
		return list, false
	}
	for _, a := range list {
		switch {
		case !a.uses().has(s.field):
			left = append(left, a)
		case a.target != nil:
			target := s.block(a.target)
			if len(target.rules) == 0 && a.Kind == oldconfig.Jump {
				continue
			}
			left = append(left, s.withTarget(a, target))
		case a.rest != nil:
			left = append(left, s.withRest(a, s.program(a.rest)))
		case a.byAddr != nil:
			mark, ok := markOf(a.byAddr, s.value)
			if !ok {
				return left, true
			}
			left = append(left, s.constantMark(a, mark))
		case a.orVIP:
			left = append(left, s.translation(a))
		default:
			left = append(left, s.withPort(a))
		}
	}
	return left, false
}

func (in *interner) withTarget(a *action, target *block) *action {
	changed := *a
	changed.target = target
	return in.action(string(appendInt(appendInt([]byte("target"), a.id), target.id)), &changed)
}

func (s *sweep) withRest(a *action, rest *program) *action {
	changed := *a
	changed.rest = rest
	return s.action(string(appendInt(appendInt([]byte("rest"), a.id), rest.id)), &changed)
}

func (s *sweep) constantMark(a *action, mark uint32) *action {
	constant := oldconfig.Action{Kind: oldconfig.SetMark, Xor: mark}
	return s.action(string(appendInt([]byte("mark"), int(mark))), &action{Action: constant, port: -1, origin: a.origin})
}

// translation returns a translation to the VIP, or to another address.
func (s *sweep) translation(a *action) *action {
	if a.To[0].Low == s.value {
		return s.toVIP(a.origin)
	}
	other := *a
	other.orVIP = false
	return s.action(string(appendInt([]byte("not the VIP"), a.id)), &other)
}

// withPort returns a lookup for packets to a port that a real server has too, or to others.
func (s *sweep) withPort(a *action) *action {
	changed := *a
	changed.port = int(s.value.Low)
	return s.action(string(appendInt(appendInt([]byte("port"), a.id), changed.port)), &changed)
}

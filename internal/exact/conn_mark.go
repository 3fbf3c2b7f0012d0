package exact

import (
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// maxMarkSteps bounds the work for connMarks.
const maxMarkSteps = 1 << 20

// connMarks returns the marks that connections of a side may have: 0, and what rules make of it
// and of the marks of packets. complete is false if there are too many to find them all.
func connMarks(side Side) (list []uint32, complete bool) {
	changes := markChanges(side)
	if !slices.ContainsFunc(changes, func(c markChange) bool { return c.kind == oldconfig.SetConnMark || c.kind == oldconfig.SaveMark }) {
		return []uint32{0}, true
	}
	packets, connections, none := newMarkSet(), newMarkSet(), newMarkSet()
	for before, steps := 0, 0; before < len(packets.list)+len(connections.list); {
		before = len(packets.list) + len(connections.list)
		for _, c := range changes {
			var n int
			switch c.kind {
			case oldconfig.SetMark:
				n = packets.change(c, none)
			case oldconfig.SetConnMark:
				n = connections.change(c, none)
			case oldconfig.SaveMark:
				n = connections.change(c, packets)
			case oldconfig.RestoreMark:
				n = packets.change(c, connections)
			}
			if steps += n; steps > maxMarkSteps {
				return connections.list, false
			}
		}
	}
	return connections.list, true
}

// A markSet is different marks.
type markSet struct {
	list  []uint32
	known map[uint32]bool
}

func newMarkSet() *markSet { return &markSet{[]uint32{0}, map[uint32]bool{0: true}} }

// change adds what the change makes of each mark of the set and each one of the others. It returns
// the number of steps.
func (s *markSet) change(c markChange, others *markSet) (steps int) {
	before := s.list
	if c.and == 0 {
		before = before[:1]
	}
	steps = len(before) * len(others.list)
	if steps > maxMarkSteps {
		return steps
	}
	for _, mark := range before {
		for _, other := range others.list {
			to := mark&c.and ^ c.xor ^ other&c.mask
			if !s.known[to] {
				s.known[to] = true
				s.list = append(s.list, to)
			}
		}
	}
	return steps
}

// A markChange is how an action changes marks: to (mark & and) ^ xor ^ (the other mark & mask).
type markChange struct {
	kind           oldconfig.ActionKind
	and, xor, mask uint32
}

// markChanges returns the changes of a side, each once.
func markChanges(side Side) (list []markChange) {
	known := map[markChange]bool{}
	add := func(c markChange) {
		if !known[c] {
			known[c] = true
			list = append(list, c)
		}
	}
	for _, chain := range side.Chains {
		for _, r := range chain.Rules {
			for at := r; at != nil; at = at.Then {
				for i := range at.Actions {
					a := &at.Actions[i]
					for _, m := range a.SetMarkByAddr {
						add(markChange{a.Kind, 0, m.Mark, 0})
					}
					switch a.Kind {
					case oldconfig.SetMark, oldconfig.SetConnMark, oldconfig.SaveMark, oldconfig.RestoreMark:
						if a.SetMarkByAddr == nil {
							add(markChange{a.Kind, a.And, a.Xor, a.Mask})
						}
					}
				}
			}
		}
	}
	return list
}

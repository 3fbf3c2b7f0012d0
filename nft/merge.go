package nft

import (
	"slices"
)

// MergeElements returns the ruleset to, whose sets also keep the elements that they have
// only in the ruleset from, and the tables that only from has. It reports false if the
// rulesets differ in rules, sets, chains or intervals, not only in elements.
func MergeElements(from, to *Ruleset) (*Ruleset, bool) {
	extended := &Ruleset{}
	for _, next := range to.Tables {
		old := from.Table(next.Family, next.Name)
		if old == nil {
			extended.Tables = append(extended.Tables, next)
			continue
		}
		if compareTables(old, next, "").structure {
			return nil, false
		}
		table := *next
		table.Sets = nil
		for _, s := range next.Sets {
			was := old.Set(s.Name)
			merged, ok := s.mergeIntervals(was)
			if !ok {
				return nil, false
			}
			table.Sets = append(table.Sets, merged)
		}
		extended.Tables = append(extended.Tables, &table)
	}
	for _, old := range from.Tables {
		if to.Table(old.Family, old.Name) == nil {
			extended.Tables = append(extended.Tables, old)
		}
	}
	extended.sort()
	return extended, true
}

// mergeIntervals is mergeElements for any set; false if it has intervals that differ, unless
// they are disjoint ports of shards.
func (s *Set) mergeIntervals(old *Set) (*Set, bool) {
	switch {
	case old == nil || !s.isInterval():
		return s.mergeElements(old), true
	case slices.Equal(old.Elements, s.Elements):
		return s, true
	case !s.isPortMap() || !old.isPortMap():
		return nil, false
	}
	return s.mergePorts(old)
}

func (s *Set) mergeElements(old *Set) *Set {
	if old == nil {
		return s
	}
	known := make(map[string]bool, len(s.Elements))
	for _, e := range s.Elements {
		known[e.Key] = true
	}
	extended := *s
	extended.Elements = slices.Clone(s.Elements)
	for _, e := range old.Elements {
		if !known[e.Key] {
			extended.Elements = append(extended.Elements, e)
		}
	}
	sortElements(&extended)
	return &extended
}

// InKernelOrder returns the ruleset to with its sets and chains in the order in which the
// kernel lists them after a change from the ruleset from: existing objects keep their
// place, and new objects follow.
func InKernelOrder(from, to *Ruleset) *Ruleset {
	arranged := &Ruleset{}
	for _, next := range to.Tables {
		table := *next
		if old := from.Table(next.Family, next.Name); old != nil && !compareTables(old, next, "").viaCopy {
			table.Sets = keepOrder(old.Sets, next.Sets, func(s *Set) string { return s.Name })
			table.Chains = keepOrder(old.Chains, next.Chains, func(c *Chain) string { return c.Name })
		}
		arranged.Tables = append(arranged.Tables, &table)
	}
	return arranged
}

func keepOrder[T any](old, next []T, name func(T) string) []T {
	byName := make(map[string]T, len(next))
	for _, o := range next {
		byName[name(o)] = o
	}
	ordered := make([]T, 0, len(next))
	for _, o := range old {
		if kept, ok := byName[name(o)]; ok {
			ordered = append(ordered, kept)
			delete(byName, name(o))
		}
	}
	for _, o := range next {
		if _, isNew := byName[name(o)]; isNew {
			ordered = append(ordered, o)
		}
	}
	return ordered
}

package nft

import (
	"slices"
)

// Extend returns the ruleset to, with the elements besides that its sets have in
// the ruleset from: so nothing is taken away. It reports false when that cannot be
// said in elements: rules, sets, chains or intervals differ.
func Extend(from, to *Ruleset) (*Ruleset, bool) {
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
			if was != nil && s.isInterval() && !slices.Equal(was.Elements, s.Elements) {
				return nil, false
			}
			table.Sets = append(table.Sets, s.extendedBy(was))
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

func (s *Set) extendedBy(old *Set) *Set {
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

// Arranged returns the ruleset to with its sets and chains in the order in which
// the kernel lists them once it was made of the ruleset from: what stays keeps
// its place, and what is new comes behind it.
func Arranged(from, to *Ruleset) *Ruleset {
	arranged := &Ruleset{}
	for _, next := range to.Tables {
		table := *next
		if old := from.Table(next.Family, next.Name); old != nil && !compareTables(old, next, "").viaCopy {
			table.Sets = inOrder(old.Sets, next.Sets, func(s *Set) string { return s.Name })
			table.Chains = inOrder(old.Chains, next.Chains, func(c *Chain) string { return c.Name })
		}
		arranged.Tables = append(arranged.Tables, &table)
	}
	return arranged
}

func inOrder[T any](old, next []T, name func(T) string) []T {
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
		if _, fresh := byName[name(o)]; fresh {
			ordered = append(ordered, o)
		}
	}
	return ordered
}

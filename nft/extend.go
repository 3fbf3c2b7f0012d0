package nft

import "slices"

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

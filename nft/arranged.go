package nft

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

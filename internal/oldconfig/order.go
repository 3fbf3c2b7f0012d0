package oldconfig

// LastFirst returns the chains with those of each table in reverse order: of base chains with the
// same priority, the one that was created last runs first (nf_hook_entries_grow of
// net/netfilter/core.c). The order of tables stays; it says nothing about their chains.
func LastFirst(chains []*Chain) []*Chain {
	type table struct {
		family Family
		name   string
	}
	var order []table
	of := map[table][]*Chain{}
	for _, c := range chains {
		t := table{c.Family, c.Table}
		if of[t] == nil {
			order = append(order, t)
		}
		of[t] = append(of[t], c)
	}
	list := make([]*Chain, 0, len(chains))
	for _, t := range order {
		for i := range of[t] {
			list = append(list, of[t][len(of[t])-1-i])
		}
	}
	return list
}

package main

import (
	"math/rand/v2"
)

// choose chooses n of the mutants at random, from each file in proportion to its number of
// mutants; 0 means all. Mutants that usable refuses are replaced by others.
func choose(byFile [][]*mutant, n int, seed uint64, usable func(*mutant) bool) []*mutant {
	random := rand.New(rand.NewPCG(seed, 0))
	var all []*mutant
	for _, list := range byFile {
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		all = append(all, list...)
	}
	if n == 0 || n > len(all) {
		n = len(all)
	}
	taken := make([]bool, len(all))
	texts := map[string]bool{}
	var chosen []*mutant
	for i := range n {
		for at := i * len(all) / n; at < len(all); at++ {
			if taken[at] {
				continue
			}
			taken[at] = true
			m := all[at]
			key := m.file + "\x00" + m.text()
			if texts[key] || !usable(m) {
				if n == len(all) {
					break // each is tried once
				}
				continue
			}
			texts[key] = true
			chosen = append(chosen, m)
			break
		}
	}
	return chosen
}

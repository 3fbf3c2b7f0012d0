package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
)

// choose chooses n of the mutants; 0 means all. The choice depends on the seed and on the
// content of each mutant, not on its position: an edit replaces only as many of the chosen as
// it adds or removes. Mutants that usable refuses are replaced by others.
func choose(byFile [][]*mutant, n int, seed uint64, usable func(*mutant) bool) []*mutant {
	all := ranked(byFile, seed)
	if n == 0 || n > len(all) {
		n = len(all)
	}
	texts := map[string]bool{}
	var chosen []*mutant
	for _, m := range all {
		if len(chosen) == n {
			break
		}
		if key := m.file + "\x00" + m.text(); !texts[key] && usable(m) {
			texts[key] = true
			chosen = append(chosen, m)
		}
	}
	return chosen
}

// ranked sorts the mutants by a hash of the seed, their change, and the number of mutants
// before them in the file that have the same change.
func ranked(byFile [][]*mutant, seed uint64) []*mutant {
	type entry struct {
		hash [sha256.Size]byte
		*mutant
	}
	var entries []entry
	for _, list := range byFile {
		occurrences := map[string]int{}
		for _, m := range list {
			change := m.change()
			hash := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%d", seed, change, occurrences[change]))
			occurrences[change]++
			entries = append(entries, entry{hash, m})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	all := make([]*mutant, len(entries))
	for i, e := range entries {
		all[i] = e.mutant
	}
	return all
}

package nft

import (
	"cmp"
	"slices"
)

// compareRules keeps the rules that both chains have in the same order, so that
// a foreign rule goes alone and a missing one comes alone.
func (d *tableDifference) compareRules(old, next *Chain) {
	keepOld, keepNext := common(old.Rules, next.Rules)
	for i, r := range old.Rules {
		if !keepOld[i] {
			d.changes.add(d.old.ruleChange(Delete, old, r))
			d.structure = true
			d.turned = append(d.turned, d.old.delRule(old, r))
		}
	}
	// A new rule goes before the next one that stays, whose handle is known.
	var before uint64
	kept := len(old.Rules)
	added := make([]message, 0, len(next.Rules))
	var changes []Change
	for i := len(next.Rules) - 1; i >= 0; i-- {
		if keepNext[i] {
			for kept--; !keepOld[kept]; kept-- {
			}
			before = old.Rules[kept].handle
			continue
		}
		added = append(added, d.next.newRule(next, next.Rules[i], before))
		changes = append(changes, d.next.ruleChange(Add, next, next.Rules[i]))
	}
	for i := len(added) - 1; i >= 0; i-- {
		d.changes.add(changes[i])
		d.structure = true
		d.turned = append(d.turned, added[i])
	}
}

// common marks the rules of a longest common subsequence, after Hunt and Szymanski
// (A Fast Algorithm for Computing Longest Common Subsequences, 1977): a chain may
// have thousands of rules, hardly any of them twice.
func common(a, b []*Rule) (inA, inB []bool) {
	type text struct{ expressions, comment string }
	places := map[text][]int{} // in b
	for j, r := range b {
		of := text{r.Expressions, r.Comment}
		places[of] = append(places[of], j)
	}
	type pair struct{ i, j, before int } // of rules that are the same; before: the pair ahead of it in a subsequence
	var pairs []pair
	var ends []int // for each length, the pair that ends a subsequence of it the earliest in b
	for i, r := range a {
		for _, j := range slices.Backward(places[text{r.Expressions, r.Comment}]) {
			if !sameRule(r, b[j]) {
				continue
			}
			n, _ := slices.BinarySearchFunc(ends, j, func(end, j int) int { return cmp.Compare(pairs[end].j, j) })
			before := -1
			if n > 0 {
				before = ends[n-1]
			}
			if n == len(ends) {
				ends = append(ends, 0)
			}
			ends[n] = len(pairs)
			pairs = append(pairs, pair{i, j, before})
		}
	}
	inA, inB = make([]bool, len(a)), make([]bool, len(b))
	if len(ends) == 0 {
		return inA, inB
	}
	for at := ends[len(ends)-1]; at >= 0; at = pairs[at].before {
		inA[pairs[at].i], inB[pairs[at].j] = true, true
	}
	return inA, inB
}

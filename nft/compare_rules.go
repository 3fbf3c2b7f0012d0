package nft

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// compareRules keeps the rules that both chains have in the same order. It deletes only
// foreign rules and adds only missing ones.
func (d *tableDifference) compareRules(old, next *Chain) {
	keepOld, keepNext := d.commonRules(old, next)
	for i, r := range old.Rules {
		if !keepOld[i] {
			d.changes.add(d.old.ruleChange(Delete, old, r))
			d.structure = true
			d.deleteRule(&d.switches, old, r)
		}
	}
	// A new rule is inserted before the next kept rule, whose handle is known.
	var before uint64
	kept := len(old.Rules)
	added := make([][]message, 0, len(next.Rules))
	var changes []Change
	for i := len(next.Rules) - 1; i >= 0; i-- {
		if keepNext[i] {
			for kept--; !keepOld[kept]; kept-- {
			}
			before = old.Rules[kept].Handle
			continue
		}
		added = append(added, d.next.createRule(next, next.Rules[i], before))
		changes = append(changes, d.next.ruleChange(Add, next, next.Rules[i]))
	}
	for i := len(added) - 1; i >= 0; i-- {
		d.changes.add(changes[i])
		d.structure = true
		d.switches = append(d.switches, added[i]...)
	}
}

// deleteRule adds the deletion of a rule to a phase. If an anonymous set of the rule has
// the name of a new set, the rule is deleted before that is created.
func (d *tableDifference) deleteRule(phase *[]message, c *Chain, r *Rule) {
	if slices.ContainsFunc(d.next.Sets, func(s *Set) bool { return r.anonymous.hasSet(s.Name) }) {
		phase = &d.clear
	}
	*phase = append(*phase, d.old.delRule(c, r))
}

// An identity identifies a rule in a comparison: by its meaning, or if that is unknown, by
// its expressions.
type identity struct {
	meaning, expressions, comment, rest string
}

func (t *Table) identity(r *Rule) identity {
	id := identity{comment: r.Comment, rest: string(netlink.AppendAttributes(nil, r.rest))}
	m, ok := t.meaning(r)
	switch {
	case !r.anonymous.isEmpty():
		id.expressions = t.content(r)
	case ok:
		id.meaning = m.String()
	default:
		id.expressions = r.stableExpressions()
	}
	return id
}

func (t *Table) identities(rules []*Rule) []identity {
	list := make([]identity, len(rules))
	for i, r := range rules {
		list[i] = t.identity(r)
	}
	return list
}

// commonRules marks the rules that both chains have in the same order.
func (d *tableDifference) commonRules(old, next *Chain) (inOld, inNext []bool) {
	if slices.EqualFunc(old.Rules, next.Rules, sameBytes) {
		all := slices.Repeat([]bool{true}, len(old.Rules))
		return all, all
	}
	return common(d.old.identities(old.Rules), d.next.identities(next.Rules))
}

// sameBytes reports whether two rules are equal byte by byte, as most are.
func sameBytes(a, b *Rule) bool {
	return a.Expressions == b.Expressions && a.Comment == b.Comment && reflect.DeepEqual(a.rest, b.rest) &&
		a.anonymous.isEmpty() && b.anonymous.isEmpty()
}

// common marks the rules of a longest common subsequence, by the algorithm of Hunt and
// Szymanski (A Fast Algorithm for Computing Longest Common Subsequences, 1977). It suits
// chains of thousands of rules with few duplicates.
func common(a, b []identity) (inA, inB []bool) {
	indices := map[identity][]int{} // in b
	for j, r := range b {
		indices[r] = append(indices[r], j)
	}
	type pair struct{ i, j, before int } // equal rules a[i] and b[j]; before: the previous pair of the subsequence
	var pairs []pair
	var ends []int // for each length of a subsequence, the last pair with the lowest j
	for i, r := range a {
		for _, j := range slices.Backward(indices[r]) {
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

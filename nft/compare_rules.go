package nft

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// compareRules keeps the rules that both chains have in the same order. It deletes only
// foreign rules and adds only missing ones.
func (d *tableDifference) compareRules(old, next *Chain) {
	keepOld, keepNext := d.commonRules(old, next)
	var deleted, added []Change
	for i, r := range old.Rules {
		if !keepOld[i] {
			deleted = append(deleted, d.old.ruleChange(Delete, old, r))
			d.deleteRule(&d.switches, old, r)
		}
	}
	// A new rule is inserted before the next kept rule, whose handle is known.
	var before uint64
	kept := len(old.Rules)
	messages := make([][]message, 0, len(next.Rules))
	for i, r := range slices.Backward(next.Rules) {
		if keepNext[i] {
			for kept--; !keepOld[kept]; kept-- {
			}
			before = old.Rules[kept].Handle
			continue
		}
		messages = append(messages, d.next.createRule(next, r, before))
		added = append(added, d.next.ruleChange(Add, next, r))
	}
	slices.Reverse(messages)
	slices.Reverse(added)
	d.switches = append(d.switches, slices.Concat(messages...)...)
	d.addRuleChanges(deleted, added)
}

func (d *tableDifference) addRuleChanges(deleted, added []Change) {
	switch {
	case len(deleted)+len(added) == 0:
		return
	case len(deleted) > 0 && len(added) > 0:
		d.changes.addLater(func(list []Change) []Change { return append(list, withTwins(slices.Concat(deleted, added))...) })
	default:
		d.changes.addLater(func(list []Change) []Change { return append(append(list, deleted...), added...) })
	}
	d.structure = true
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

// The functions below leave out what packets change: the values of counters, quotas
// and dynamic sets. Rules, elements and sets that differ only in them are equal.

// isVolatile reports whether packets or time change the elements of the set.
func (s *Set) isVolatile() bool { return s.Flags&(unix.NFT_SET_EVAL|unix.NFT_SET_TIMEOUT) != 0 }

// stableExpressions returns the expressions of the rule without values that packets change.
func (r *Rule) stableExpressions() string { return r.rewrite(Expression.stable) }

func (e Expression) stable() Expression {
	const quotaConsumed, quotaPad = 4, 3
	switch e.Name {
	case "counter", "last":
		e.Data = ""
	case "quota":
		var data []byte
		for typ, content := range netlink.Attributes(e.Data) {
			if typ != quotaConsumed && typ != quotaPad {
				data = netlink.AppendAttribute(data, typ, content)
			}
		}
		e.Data = string(data)
	}
	return e
}

// sameRest reports whether two elements are equal apart from their keys.
func sameRest(a, b string) bool { return a == b || stableRest(a) == stableRest(b) }

// stableRest returns the Rest of an element without values that packets change.
func stableRest(rest string) string {
	const expression, expressions = 7, 11 // NFTA_SET_ELEM_EXPR, NFTA_SET_ELEM_EXPRESSIONS
	var b []byte
	for typ, data := range netlink.Attributes(rest) {
		switch typ {
		case expression:
			data = expressionList([]Expression{readExpression(data).stable()})
		case expressions:
			data = (&Rule{Expressions: data}).stableExpressions()
		}
		b = netlink.AppendAttribute(b, typ, data)
	}
	return string(b)
}

// content returns a text that identifies a rule with its anonymous sets and chains, whose
// names differ each time that the kernel creates them. It is not for users.
func (t *Table) content(r *Rule) string {
	var b strings.Builder
	b.WriteString(r.rewrite(func(e Expression) Expression {
		set, chain := e.references()
		if s := r.anonymous.set(set); set != "" && s != nil {
			e = e.withSet(s.pattern(), 0)
		}
		if c := r.anonymous.chain(chain); chain != "" && c != nil {
			e = e.withChainID(0)
		}
		return e.stable()
	}))
	for _, s := range r.anonymous.sets {
		fmt.Fprintf(&b, "%q %d %d %d %d %d %d %v", s.pattern(), s.Flags, s.KeyType, s.DataType, s.KeyLen, s.DataLen, s.Size, s.rest)
		for _, e := range s.Elements {
			if !s.isVolatile() {
				fmt.Fprintf(&b, "%q %q", e.Key, stableRest(e.Rest))
			}
		}
	}
	for _, c := range r.anonymous.chains {
		for _, inner := range t.identities(c.Rules) {
			fmt.Fprintf(&b, "%q", inner)
		}
	}
	return b.String()
}

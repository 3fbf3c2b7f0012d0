package firewall

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// lookup translates a lookup. done is false if the current rule goes on; else the tails are
// the rest of the rule, once for each answer, or for each key of several fields.
func (b *ruleTranslator) lookup(r *oldconfig.Rule, l lookup, rest []step) (tails []*oldconfig.Rule, done bool) {
	s, err := b.set(b.table, l.set)
	if err != nil {
		b.err = err
		return nil, true
	}
	if s == nil || s.head.IsDynamic() {
		return b.unknownSet(l, rest), true
	}
	fields := l.fields(b.resolved, int(s.head.KeyLen))
	elements, err := b.keys(s)
	groups := elements.groups
	switch {
	case err != nil:
		b.err = err
		return nil, true
	case elements.expires, l.inverse && elements.catchAll != nil, len(fields) > 1 && l.inverse && leaves(rest), slices.ContainsFunc(fields, func(v value) bool { return v.what == nil && v.kind != constant }):
		return b.unknownSet(l, rest), true
	case elements.catchAll != nil, !l.inverse && changesWith(fields):
		return b.exclusive(fields, elements, l, rest), true
	}
	if len(fields) > 1 && l.inverse {
		return b.outside(fields, groups, rest), true
	}
	if marks := byDestination(fields, groups, rest, l); marks != nil {
		if b.byAddr == nil {
			b.byAddr = map[int][]oldconfig.MarkOf{}
		}
		b.byAddr[l.slot] = marks
		return nil, false
	}
	for _, g := range groups {
		tails = append(tails, b.group(fields, g, l, rest)...)
	}
	if l.inverse && len(groups) == 0 {
		return b.after(b.new(), rest), true
	}
	return tails, true
}

// choice returns the tails of the rule for each alternative.
func (b *ruleTranslator) choice(c choice, rest []step) (tails []*oldconfig.Rule) {
	for _, matches := range c.alternatives {
		tail, possible := b.new(), true
		for _, m := range matches {
			possible = b.step(tail, m) && possible
		}
		if possible {
			tails = append(tails, b.after(tail, rest)...)
		}
	}
	return tails
}

// unknownSet is a lookup of which neither the keys nor the answer are known.
func (b *ruleTranslator) unknownSet(l lookup, rest []step) []*oldconfig.Rule {
	tail := b.new()
	tail.Matches = []oldconfig.Match{b.notUnderstood("set @" + l.set)}
	if l.isMap {
		tail.Actions = []oldconfig.Action{opaqueAction("map @" + l.set)}
		return []*oldconfig.Rule{tail}
	}
	return b.after(tail, rest)
}

// leaves reports whether a step may end the chain of the rule.
func leaves(steps []step) bool {
	return slices.ContainsFunc(steps, func(s step) bool {
		switch s := s.(type) {
		case lookup:
			return s.isMap
		case verdict:
			return s.kind == expr.VerdictReturn || s.kind == expr.VerdictGoto
		}
		return false
	})
}

// outside jumps to a chain of its own for the rest of the rule, from which packets with one
// of the keys return.
func (b *ruleTranslator) outside(fields []value, groups []keyGroup, rest []step) []*oldconfig.Rule {
	back := verdict{kind: expr.VerdictReturn}
	var rules []*oldconfig.Rule
	for _, g := range groups {
		rules = append(rules, b.group(fields, g, lookup{}, []step{back})...)
	}
	return []*oldconfig.Rule{b.toOwnChain(oldconfig.Jump, append(rules, b.steps(rest)...))}
}

// toOwnChain returns a rule that jumps or goes to a new chain of the rules.
func (b *ruleTranslator) toOwnChain(kind oldconfig.ActionKind, rules []*oldconfig.Rule) *oldconfig.Rule {
	c := &oldconfig.Chain{Family: b.chain.Family, Table: b.chain.Table, Line: b.line, Rules: rules}
	c.Name = fmt.Sprintf("%s, part %d", b.line.Text, len(b.config.Chains))
	b.config.Chains = append(b.config.Chains, c)
	r := b.new()
	r.Actions = []oldconfig.Action{{Kind: kind, Chain: c.Name}}
	return r
}

// changesWith reports whether a field is a mark, which the rule may change between two
// alternatives.
func changesWith(fields []value) bool {
	return slices.ContainsFunc(fields, func(v value) bool {
		return v.what != nil && (v.what.part == ofMeta && v.what.key == uint32(expr.MetaKeyMARK) || v.what.part == ofConntrack)
	})
}

// after appends the rest of the rule to each alternative of a tail.
func (b *ruleTranslator) after(tail *oldconfig.Rule, rest []step) []*oldconfig.Rule {
	return alternatives(tail, tail, b.steps(rest))
}

// group returns the tails for one answer: one tail, or one for each key of several fields.
func (b *ruleTranslator) group(fields []value, g keyGroup, l lookup, rest []step) []*oldconfig.Rule {
	return b.fork(fields, fork{g, l.inverse}, b.answered(g.answer, l, rest))
}

// answered returns the rest of the rule for one answer of a lookup.
func (b *ruleTranslator) answered(a nft.Answer, l lookup, rest []step) []*oldconfig.Rule {
	if a.IsVerdict && a.Verdict != expr.VerdictContinue {
		end := b.new()
		end.Actions = []oldconfig.Action{verdictAction(a.Verdict, a.Chain)}
		return []*oldconfig.Rule{end}
	}
	answers := b.answers
	b.answers = map[int]value{}
	maps.Copy(b.answers, answers)
	defer func() { b.answers = answers }()
	if l.isMap && !a.IsVerdict {
		b.answers[l.slot] = constantValue("map @"+l.set, []byte(a.Data))
	}
	return b.steps(rest)
}

// keyTests returns the tests of each field: all keys at once if there is one field.
func keyTests(fields []value, keys []interval, inverse bool) [][]test {
	if len(fields) == 1 {
		return [][]test{{{within: keys, inverse: inverse}}}
	}
	var list [][]test
	for _, key := range keys {
		var tests []test
		at := 0
		for _, v := range fields {
			end := at + v.size
			if end > len(key.low) || end > len(key.high) {
				break
			}
			tests = append(tests, test{within: []interval{{key.low[at:end], key.high[at:end]}}})
			at += nft.RegisterLen(v.size)
		}
		if len(tests) == len(fields) {
			list = append(list, tests)
		}
	}
	return list
}

// byDestination returns the marks of a map from the complete destination address, if the
// next step sets the mark to its answer.
func byDestination(fields []value, groups []keyGroup, rest []step, l lookup) []oldconfig.MarkOf {
	if !l.isMap || len(rest) == 0 || len(fields) != 1 || fields[0].what == nil {
		return nil
	}
	o := fields[0].what
	set, ok := rest[0].(markSet)
	isAddress := o.part == ofPayload && o.base == expr.PayloadBaseNetworkHeader && o.mask == nil && fields[0].size == o.addressSize &&
		o.offset == payloadFields(o.addressSize)[1].offset
	if !ok || !isAddress || set.to.kind != answer || set.to.slot != l.slot || set.to.change != nil {
		return nil
	}
	var marks []oldconfig.MarkOf
	for _, g := range groups {
		if len(g.answer.Data) != 4 {
			return nil
		}
		for _, key := range g.keys {
			marks = append(marks, oldconfig.MarkOf{
				Destination: oldconfig.Range{Low: bigEndian(key.low), High: bigEndian(key.high)}, Mark: hostOrdered([]byte(g.answer.Data)),
			})
		}
	}
	return marks
}

// exclusive returns the tails of a rule of which a packet may meet one at most, although an
// alternative may change what the next one tests (a mark), or the last one tests nothing (the
// catch-all element). Alternatives that end the chain come first. The others are in a chain of
// their own, and each goes to the rest of the rule.
func (b *ruleTranslator) exclusive(fields []value, elements setElements, l lookup, rest []step) (tails []*oldconfig.Rule) {
	forks, last := elements.forks(len(fields) == 1)
	if last == nil && len(forks) == 1 && len(keyTests(fields, forks[0].keys, forks[0].inverse)) == 1 {
		return b.group(fields, forks[0].keyGroup, l, rest)
	}
	var others []fork
	for _, f := range forks {
		if !endsChain(f.answer, rest) {
			others = append(others, f)
			continue
		}
		tails = append(tails, b.fork(fields, f, b.answered(f.answer, l, rest))...)
	}
	var otherwise []*oldconfig.Rule
	if last != nil {
		otherwise = b.answered(*last, l, rest)
	}
	if len(others) == 0 {
		return append(tails, otherwise...)
	}
	known := len(b.config.Chains)
	var rules []*oldconfig.Rule
	leaves := leavesChain(otherwise)
	for _, f := range others {
		own := b.answered(f.answer, l, rest)
		leaves = leaves || leavesChain(own)
		rules = append(rules, b.fork(fields, f, []*oldconfig.Rule{b.toOwnChain(oldconfig.Goto, own)})...)
	}
	if leaves {
		b.config.Chains = b.config.Chains[:known]
		return b.unknownSet(l, rest)
	}
	return append(tails, b.toOwnChain(oldconfig.Jump, append(rules, otherwise...)))
}

// fork returns the tests of an alternative, each followed by the rules.
func (b *ruleTranslator) fork(fields []value, f fork, rules []*oldconfig.Rule) (tails []*oldconfig.Rule) {
	for _, t := range keyTests(fields, f.keys, f.inverse) {
		tail, possible := b.new(), true
		for i, field := range fields {
			list, ok := b.matches(field, t[i])
			tail.Matches, possible = append(tail.Matches, list...), possible && ok
		}
		if possible {
			tails = append(tails, alternatives(tail, tail, rules)...)
		}
	}
	return tails
}

// forked appends the tails to the rule head. If head acts on packets, it is one rule that jumps to
// the tails, so that it acts once.
func (b *ruleTranslator) forked(head, current *oldconfig.Rule, tails []*oldconfig.Rule) []*oldconfig.Rule {
	acts := len(head.Actions) > 0 // of those that follow, too: a later part has an action ahead
	if acts && len(tails) == 0 {
		// No packet goes on, but what is ahead acts.
		return alternatives(head, current, []*oldconfig.Rule{b.new()})
	}
	if !acts || len(tails) < 2 {
		return alternatives(head, current, tails)
	}
	if leavesChain(tails) {
		tail := b.new()
		tail.Actions = []oldconfig.Action{opaqueAction("a map behind a statement")}
		return alternatives(head, current, []*oldconfig.Rule{tail})
	}
	return alternatives(head, current, []*oldconfig.Rule{b.toOwnChain(oldconfig.Jump, tails)})
}

// endsChain reports whether packets with the answer meet no further rule of the chain.
func endsChain(a nft.Answer, rest []step) bool {
	if a.IsVerdict && a.Verdict != expr.VerdictContinue {
		return endsWith(a.Verdict)
	}
	for _, s := range rest {
		switch s := s.(type) {
		case markSet, ctMarkSet:
		case verdict:
			return endsWith(s.kind)
		default:
			return false
		}
	}
	return false
}

func endsWith(kind expr.VerdictKind) bool {
	return kind == expr.VerdictAccept || kind == expr.VerdictDrop || kind == expr.VerdictGoto || kind == expr.VerdictReturn
}

// leavesChain reports whether a rule returns or goes to another chain: in a chain of its own that
// would not end the chain of the rule.
func leavesChain(rules []*oldconfig.Rule) bool {
	return slices.ContainsFunc(rules, func(r *oldconfig.Rule) bool {
		for ; r != nil; r = r.Then {
			for _, a := range r.Actions {
				if a.Kind == oldconfig.Return || a.Kind == oldconfig.Goto {
					return true
				}
			}
		}
		return false
	})
}

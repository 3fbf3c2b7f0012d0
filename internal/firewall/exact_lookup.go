package firewall

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// A keyGroup is keys of a set with the same answer.
type keyGroup struct {
	answer nft.Answer
	keys   []interval
}

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
	groups, catchAll, err := b.keys(s)
	switch {
	case err != nil:
		b.err = err
		return nil, true
	case catchAll, len(fields) > 1 && l.inverse && leaves(rest), slices.ContainsFunc(fields, func(v value) bool { return v.what == nil && v.kind != constant }):
		return b.unknownSet(l, rest), true
	case l.isMap && changesWith(fields) && len(groups) > 1:
		return b.unknownSet(l, rest), true
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
	tail.Matches = []oldconfig.Match{notUnderstood("set @" + l.set)}
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
	c := &oldconfig.Chain{Family: b.chain.Family, Table: b.chain.Table, Line: b.line}
	c.Name = fmt.Sprintf("%s, part %d", b.line.Text, len(b.config.Chains))
	back := verdict{kind: expr.VerdictReturn}
	for _, g := range groups {
		c.Rules = append(c.Rules, b.group(fields, g, lookup{}, []step{back})...)
	}
	c.Rules = append(c.Rules, b.steps(rest)...)
	b.config.Chains = append(b.config.Chains, c)
	jump := b.new()
	jump.Actions = []oldconfig.Action{{Kind: oldconfig.Jump, Chain: c.Name}}
	return []*oldconfig.Rule{jump}
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
func (b *ruleTranslator) group(fields []value, g keyGroup, l lookup, rest []step) (tails []*oldconfig.Rule) {
	answers := b.answers
	b.answers = map[int]value{}
	maps.Copy(b.answers, answers)
	defer func() { b.answers = answers }()
	if l.isMap {
		b.answers[l.slot] = constantValue("map @"+l.set, []byte(g.answer.Data))
	}
	var after []*oldconfig.Rule
	if g.answer.IsVerdict {
		end := b.new()
		end.Actions = []oldconfig.Action{verdictAction(g.answer.Verdict, g.answer.Chain)}
		after = []*oldconfig.Rule{end}
		if g.answer.Verdict == expr.VerdictContinue {
			after = b.steps(rest)
		}
	} else {
		after = b.steps(rest)
	}
	for _, t := range keyTests(fields, g.keys, l.inverse) {
		tail, possible := b.new(), true
		for i, field := range fields {
			list, ok := b.matches(field, t[i])
			tail.Matches, possible = append(tail.Matches, list...), possible && ok
		}
		if possible {
			tails = append(tails, alternatives(tail, tail, after)...)
		}
	}
	return tails
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

// keys reads the elements of a set, grouped by their answers.
func (x *exactTable) keys(s *set) (groups []keyGroup, catchAll bool, err error) {
	var ends []rangeEnd
	add := newGrouper(&groups)
	for e, err := range x.source.Elements(x.Table, s.head) {
		if err != nil {
			return nil, false, err
		}
		switch m := e.Match(); {
		case m.CatchAll:
			catchAll = true
		case s.head.RangesArePairs() && m.KeyEnd == "":
			ends = append(ends, rangeEnd{m.Key, e.Rest, !m.EndsRange})
		case m.EndsRange || m.Key == "":
		case m.KeyEnd != "":
			add(e.Answer(), interval{[]byte(m.Key), []byte(m.KeyEnd)})
		default:
			add(e.Answer(), interval{[]byte(m.Key), []byte(m.Key)})
		}
	}
	slices.SortFunc(ends, func(a, b rangeEnd) int { return cmp.Or(compareEnds(a, b), compareBool(a.begins, b.begins)) })
	for n, e := range ends {
		if e.begins {
			add(nft.Element{Rest: e.rest}.Answer(), interval{[]byte(e.key), e.last(ends[n+1:])})
		}
	}
	return groups, catchAll, nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// last returns the last key of the interval that the end begins.
func (e rangeEnd) last(rest []rangeEnd) []byte {
	for _, next := range rest {
		if strings.Compare(next.key, e.key) != 0 && len(next.key) == len(e.key) {
			high, _ := nft.Predecessor([]byte(next.key))
			return high
		}
	}
	return filled(len(e.key), 0xff)
}

// newGrouper returns a function that adds keys to the group of their answer.
func newGrouper(groups *[]keyGroup) func(nft.Answer, interval) {
	index := map[nft.Answer]int{}
	return func(a nft.Answer, keys interval) {
		i, known := index[a]
		if !known {
			i = len(*groups)
			index[a] = i
			*groups = append(*groups, keyGroup{answer: a})
		}
		(*groups)[i].keys = append((*groups)[i].keys, keys)
	}
}

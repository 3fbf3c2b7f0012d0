package firewall

import (
	"cmp"
	"slices"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// An exactTable translates one table for packets of one family.
type exactTable struct {
	*table
	*reader
	config *oldconfig.Config
	family config.Family
	chain  *oldconfig.Chain
	line   oldconfig.Line // of the current rule
	err    error

	helpers map[string]string // by the name of the object; nil: not read yet
}

// assigned returns the actions of an assignment of helpers of connection tracking, one for each
// helper.
func (x *exactTable) assigned(s helperAssignment) (list []oldconfig.Action) {
	names := []string{s.name}
	switch {
	case s.object != "":
		names[0] = x.objectHelper(s.object)
	case s.objects != "":
		names = x.mapHelpers(s.objects)
	}
	for _, name := range names {
		list = append(list, oldconfig.Action{Kind: oldconfig.NoEffect, AssignsHelper: true, Helper: name})
	}
	return list
}

// objectHelper returns the helper of an object; empty: the table has no such object any more.
func (x *exactTable) objectHelper(object string) string {
	if x.helpers == nil && x.err == nil {
		x.helpers, x.err = x.source.Helpers(x.Table)
	}
	return x.helpers[object]
}

// mapHelpers returns the helpers of a map of objects, sorted; none if its objects are of another
// kind.
func (x *exactTable) mapHelpers(name string) (helpers []string) {
	s, err := x.set(x.table, name)
	if err != nil || s == nil || s.head.ObjectKind() != ctHelper {
		x.err = cmp.Or(x.err, err)
		return nil
	}
	var objects []string
	for e, err := range x.source.Elements(x.Table, s.head) {
		if err != nil {
			x.err = cmp.Or(x.err, err)
			return nil
		}
		objects = append(objects, e.Object())
	}
	for _, object := range objects {
		helpers = append(helpers, x.objectHelper(object))
	}
	slices.Sort(helpers)
	return slices.Compact(helpers)
}

// ctHelper is the kind of objects that have a helper of connection tracking.
const ctHelper = "ct helper"

// A ruleTranslator translates the steps of a rule.
type ruleTranslator struct {
	*exactTable
	answers map[int]value // of maps, by slot
	byAddr  map[int][]oldconfig.MarkOf
}

func (b *ruleTranslator) new() *oldconfig.Rule { return &oldconfig.Rule{Line: b.line} }

func notUnderstood(text string) oldconfig.Match {
	return oldconfig.Match{Field: oldconfig.NotUnderstood, Text: text}
}

// verdictAction translates a verdict.
func verdictAction(kind expr.VerdictKind, chain string) oldconfig.Action {
	const codeMask = 0xff // NF_VERDICT_MASK
	switch {
	case kind == expr.VerdictAccept:
		return oldconfig.Action{Kind: oldconfig.Accept}
	case kind == expr.VerdictDrop, kind > 0 && kind&codeMask == expr.VerdictQueue:
		return oldconfig.Action{Kind: oldconfig.Drop}
	case kind == expr.VerdictReturn:
		return oldconfig.Action{Kind: oldconfig.Return}
	case kind == expr.VerdictJump:
		return oldconfig.Action{Kind: oldconfig.Jump, Chain: chain}
	case kind == expr.VerdictGoto:
		return oldconfig.Action{Kind: oldconfig.Goto, Chain: chain}
	case kind == expr.VerdictContinue:
		return oldconfig.Action{Kind: oldconfig.NoEffect}
	}
	return oldconfig.Action{Kind: oldconfig.Opaque, Text: "verdict"}
}

// A keyGroup is keys of a set with the same answer.
type keyGroup struct {
	answer nft.Answer
	keys   []interval
}

// setElements are the elements of a set, grouped by their answers.
type setElements struct {
	groups   []keyGroup
	catchAll *nft.Answer // for all other keys; nil: none
	expires  bool        // the kernel deletes some after a time
}

// keys reads the elements of a set.
func (x *exactTable) keys(s *set) (found setElements, err error) {
	var ends []rangeEnd
	found.expires = s.head.Expires()
	add := newGrouper(&found.groups)
	for e, err := range x.source.Elements(x.Table, s.head) {
		if err != nil {
			return setElements{}, err
		}
		found.expires = found.expires || e.Expires()
		switch m := e.Match(); {
		case m.CatchAll:
			found.catchAll = new(e.Answer())
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
	return found, nil
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

// A fork is an alternative of a lookup: the keys, and the rest of the rule for them.
type fork struct {
	keyGroup
	inverse bool // all other keys
}

// forks returns the alternatives. The catch-all element is one of them if one test excludes all
// keys, else it is returned alone.
func (e setElements) forks(single bool) (forks []fork, last *nft.Answer) {
	var all []interval
	slices.SortFunc(e.groups, func(a, b keyGroup) int { // the kernel lists elements in no order
		x, y := a.answer, b.answer
		return cmp.Or(strings.Compare(x.Data, y.Data), cmp.Compare(x.Verdict, y.Verdict), strings.Compare(x.Chain, y.Chain))
	})
	for _, g := range e.groups {
		forks = append(forks, fork{keyGroup: g})
		all = append(all, g.keys...)
	}
	if e.catchAll == nil || !single {
		return forks, e.catchAll
	}
	return append(forks, fork{keyGroup{*e.catchAll, all}, true}), nil
}

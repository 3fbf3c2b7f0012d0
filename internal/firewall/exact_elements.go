package firewall

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/nft"
)

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

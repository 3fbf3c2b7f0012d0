package firewall

import (
	"slices"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// An ask looks for packets in a set, a map or a verdict map.
type ask struct {
	set     string
	row     []*value // the key, in registers of 32 bits; nil: nothing is known
	inverse bool
	answers bool // of a map; otherwise it is enough that the set has the key
	slot    int  // of the answer
}

func (a ask) take(w *walk, at place, branches []branch) (next []branch, ended []outcome) {
	for _, b := range branches {
		on, out := a.one(w, at, b)
		next, ended = append(next, on...), append(ended, out...)
	}
	return next, ended
}

func (a ask) one(w *walk, at place, b branch) ([]branch, []outcome) {
	s, err := w.set(at.chain.table, a.set)
	if err != nil {
		w.fail(err)
		return nil, nil
	}
	if s == nil {
		return []branch{b.under("set " + a.set)}, nil
	}
	fields := a.fields(b, int(s.head.KeyLen))
	if !a.answers && (s.head.IsDynamic() || allOpaque(fields)) {
		return []branch{b.under(names(fields)...)}, nil
	}
	x, err := w.index(at.chain.table, s, fields)
	if err != nil {
		w.fail(err)
		return nil, nil
	}
	found, rest := w.answers(b, fields, x, a.answers)
	if a.inverse {
		return rest, nil
	}
	return a.follow(w, at, found, s.head.IsDynamic(), fields)
}

// follow takes the branches for which the set has an answer.
func (a ask) follow(w *walk, at place, found []foundAnswer, dynamic bool, fields []value) (next []branch, ended []outcome) {
	for _, f := range found {
		if dynamic {
			f.branch = f.under(names(fields)...)
		}
		switch {
		case !a.answers:
			next = append(next, f.branch)
		case f.decides && f.verdict == expr.VerdictContinue:
			next = append(next, f.branch) // with the next step
		case f.decides:
			ended = append(ended, w.decided(at, f.branch, f.verdict, f.chain))
		default:
			f.value.name = "map @" + a.set
			next = append(next, f.answered(a.slot, f.value))
		}
	}
	return next, ended
}

// fields are the values of the row, each padded to 32 bits: several where the key of
// the set is a concatenation.
func (a ask) fields(b branch, keyLen int) []value {
	var fields []value
	for i := 0; keyLen > 0 && i < registers; {
		v := opaqueValue("", keyLen)
		if i < len(a.row) && a.row[i] != nil {
			if known := b.resolve(*a.row[i]); known.size > 0 && known.size <= keyLen {
				v = known
			}
		}
		fields = append(fields, v)
		keyLen -= nft.RegisterLen(v.size)
		i += nft.RegisterLen(v.size) / 4
	}
	return fields
}

// A foundAnswer is a branch for which a set has an answer.
type foundAnswer struct {
	branch
	decision
	value value // of maps
}

// answers splits a branch by what the set has for it, and what may be left that it has
// nothing for.
func (w *walk) answers(b branch, fields []value, x *index, values bool) (found []foundAnswer, rest []branch) {
	if x.present != nil {
		found, rest = w.answersByClass(b, nameOf(fields[0]), x, values)
	} else {
		found, rest = w.answersByKeys(b, fields, x)
	}
	if x.catchAll == nil {
		return found, rest
	}
	for _, r := range rest {
		found = append(found, foundAnswer{r, x.catchAll.decision, constantValue("", x.catchAll.data)})
	}
	return found, nil
}

func (w *walk) answersByKeys(b branch, fields []value, x *index) (found []foundAnswer, rest []branch) {
	left := []part{b.part}
	unsure := false
	for _, a := range x.list {
		if len(a.keys) == 0 {
			continue
		}
		for _, hit := range w.matching(b, fields, a.keys) {
			found = append(found, foundAnswer{hit, a.decision, constantValue("", a.data)})
			if len(hit.unsure) > len(b.unsure) {
				unsure = true
			} else {
				left = withoutParts(left, []part{hit.part})
			}
		}
	}
	for _, p := range left {
		r := b
		r.part = p
		if unsure {
			r = r.under(names(fields)...)
		}
		rest = append(rest, r)
	}
	return found, rest
}

// answersByClass finds what the set has for each class of addresses.
func (w *walk) answersByClass(b branch, name string, x *index, values bool) (found []foundAnswer, rest []branch) {
	w.steps += len(b.classes)
	if !b.classes.and(x.vague).empty() {
		b = b.under(name)
		return []foundAnswer{{branch: b, value: opaqueValue("", registers*4)}}, []branch{b}
	}
	if outside := b.classes.without(x.present); !outside.empty() {
		r := b
		r.classes = outside
		rest = []branch{r}
	}
	b.classes = b.classes.and(x.present)
	switch {
	case b.classes.empty():
	case !values:
		found = []foundAnswer{{branch: b}}
	case x.marks != nil:
		v := value{kind: perClass, size: 4, marks: x.marks, byClass: func(class int) []byte { return markBytes(x.marks.byClass[class]) }}
		found = []foundAnswer{{branch: b, value: v}}
	case x.list[0].decides:
		found = w.verdictsByClass(b, x)
	default:
		v := value{kind: perClass, size: len(x.list[0].data), byClass: func(class int) []byte { return x.list[x.byClass[class]].data }}
		found = []foundAnswer{{branch: b, value: v}}
	}
	return found, rest
}

// verdictsByClass are the branches of a verdict map, one for each verdict.
func (w *walk) verdictsByClass(b branch, x *index) (found []foundAnswer) {
	classes := map[int32]bitset{}
	var order []int32
	for class := range b.classes.each {
		of := x.byClass[class]
		if classes[of] == nil {
			order = append(order, of)
			classes[of] = newBitset(w.space.count)
		}
		classes[of].set(class)
	}
	for _, of := range order {
		hit := b
		hit.classes = classes[of]
		found = append(found, foundAnswer{branch: hit, decision: x.list[of].decision})
	}
	return found
}

// matching are the branches whose key is one of those keys.
func (w *walk) matching(b branch, fields []value, keys []interval) []branch {
	w.steps += len(keys)
	if len(fields) == 1 {
		return w.try(b, fields[0], test{within: keys})
	}
	var hits []branch
	for _, key := range keys {
		hits = append(hits, w.matchingFields(b, fields, key)...)
	}
	return merged(hits)
}

// matchingFields narrows a branch by each field of a concatenated key.
func (w *walk) matchingFields(b branch, fields []value, key interval) []branch {
	hits := []branch{b}
	at := 0
	for _, v := range fields {
		end := at + v.size
		if end > len(key.low) || end > len(key.high) {
			return hits
		}
		within := test{within: []interval{{key.low[at:end], key.high[at:end]}}}
		var narrowed []branch
		for _, hit := range hits {
			narrowed = append(narrowed, w.try(hit, v, within)...)
		}
		hits = narrowed
		at += nft.RegisterLen(v.size)
	}
	return hits
}

// merged joins branches of one branch that differ in nothing but their classes.
func merged(branches []branch) []branch {
	type likeness struct {
		protocol  config.Protocol
		low, high uint16
		unsure    string
	}
	index := map[likeness]int{}
	var kept []branch
	for _, b := range branches {
		like := likeness{b.protocol, b.low, b.high, strings.Join(b.unsure, "\x00")}
		if at, known := index[like]; known {
			kept[at].classes = kept[at].classes.or(b.classes)
			continue
		}
		index[like] = len(kept)
		kept = append(kept, b)
	}
	return kept
}

func allOpaque(fields []value) bool {
	return !slices.ContainsFunc(fields, func(v value) bool { return v.kind != opaque })
}

// names are those of the fields of which nothing is known.
func names(fields []value) []string {
	var list []string
	for _, v := range fields {
		if v.kind == opaque || v.fickle {
			list = append(list, nameOf(v))
		}
	}
	if len(list) == 0 && len(fields) > 0 {
		list = append(list, nameOf(fields[0]))
	}
	return list
}

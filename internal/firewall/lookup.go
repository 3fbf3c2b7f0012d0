package firewall

import (
	"slices"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// A lookup is an nft lookup expression: it looks up fields of a packet in a set, a map
// or a verdict map.
type lookup struct {
	set     string
	key     []*value // by register of 32 bits; nil: unknown
	inverse bool
	isMap   bool // a map or verdict map; false: a set, which is only tested for the key
	slot    int  // of the map's answer in branch.answers
}

// decides reports whether the lookup may have a verdict: a map has, unless its answer is a value.
func (a lookup) decides() bool { return a.isMap }

func (a lookup) take(w *walk, at place, branches []branch) (next []branch, ended []outcome) {
	for _, b := range branches {
		if a.isLacking(w, &b) {
			continue
		}
		on, out := a.lookUp(w, at, b)
		next, ended = append(next, on...), append(ended, out...)
	}
	return next, ended
}

// lookUp performs the lookup for one branch.
func (a lookup) lookUp(w *walk, at place, b branch) ([]branch, []outcome) {
	s, err := w.set(at.chain.table, a.set)
	if err != nil {
		w.fail(err)
		return nil, nil
	}
	if s == nil {
		return []branch{b.withConditions("set " + a.set)}, nil
	}
	fields := a.fields(func(v value) value { return w.resolve(&b, v).certain() }, int(s.head.KeyLen))
	switch {
	case !a.isMap && (s.head.IsDynamic() || allOpaque(fields)):
		return []branch{b.withConditions(a.names(fields)...)}, nil
	case a.isMap && slices.ContainsFunc(fields, func(v value) bool { return v.ofClient }):
		return a.ofClient(b, fields)
	}
	x, err := w.index(at.chain.table, s, fields)
	if err != nil {
		w.fail(err)
		return nil, nil
	}
	found, rest := w.answers(b, fields, x, a.isMap)
	if a.inverse {
		return rest, nil
	}
	return a.follow(w, at, found, s.head.IsDynamic(), fields)
}

// isLacking reports whether packets of the branch surely lack a field of the key: the rule ends.
func (a lookup) isLacking(w *walk, b *branch) bool {
	return slices.ContainsFunc(a.key, func(v *value) bool { return v != nil && v.ofConnection }) && w.hasNone(b)
}

// follow continues the branches for which the set has an answer.
func (a lookup) follow(w *walk, at place, found []lookupResult, dynamic bool, fields []value) (next []branch, ended []outcome) {
	for _, f := range found {
		if dynamic {
			f.branch = f.withConditions(names(fields)...)
		}
		switch {
		case !a.isMap:
			next = append(next, f.branch)
		case f.decides && f.verdict == expr.VerdictContinue:
			next = append(next, f.branch) // to the next step
		case f.decides:
			ended = append(ended, w.decided(at, f.branch, f.verdict, f.chain))
		default:
			f.value.name = "map @" + a.set
			next = append(next, f.withAnswer(a.slot, f.value))
		}
	}
	return next, ended
}

// fields are the fields of the key: one, or several if the key is a concatenation. Each
// is padded to 32 bits.
func (a lookup) fields(resolve func(value) value, keyLen int) []value {
	var fields []value
	for i := 0; keyLen > 0 && i < registers; {
		v := opaqueValue("", keyLen)
		if i < len(a.key) && a.key[i] != nil {
			if known := resolve(*a.key[i]); known.size > 0 && known.size <= keyLen {
				v = known
			}
		}
		fields = append(fields, v)
		keyLen -= nft.RegisterLen(v.size)
		i += nft.RegisterLen(v.size) / 4
	}
	return fields
}

// ofClient is a lookup by the client in a map, which may have an element for the client. It
// is not read. Whatever an element does, the packets may not reach the next rule.
func (a lookup) ofClient(b branch, fields []value) (next []branch, ended []outcome) {
	found := b.withConditions(names(fields)...)
	ended = []outcome{{branch: found, verdict: expr.VerdictAccept, ends: true}}
	return []branch{found.withAnswer(a.slot, opaqueValue("map @"+a.set, registers*4))}, ended
}

// names are the conditions of a lookup.
func (a lookup) names(fields []value) []string {
	if a.inverse {
		fields = slices.Clone(fields)
		for i, v := range fields {
			fields[i] = v.tested(test{inverse: true})
		}
	}
	return names(fields)
}

// A lookupResult is a branch for which a set has an answer.
type lookupResult struct {
	branch
	decision
	value value // what a map returns
}

// answers splits a branch: found are the packets with an element in the set, rest those
// that may have none.
func (w *walk) answers(b branch, fields []value, x *index, values bool) (found []lookupResult, rest []branch) {
	if x.present != nil {
		found, rest = w.answersByClass(b, nameOf(fields[0]), x, values)
	} else {
		found, rest = w.answersByKeys(b, fields, x)
	}
	if x.catchAll == nil {
		return found, rest
	}
	for _, r := range rest {
		found = append(found, lookupResult{r, x.catchAll.decision, constantValue("", x.catchAll.data)})
	}
	return found, nil
}

func (w *walk) answersByKeys(b branch, fields []value, x *index) (found []lookupResult, rest []branch) {
	left := []part{b.part}
	uncertain := false
	for _, a := range x.list {
		for _, hit := range w.matching(b, fields, a.keys) {
			found = append(found, lookupResult{hit, a.decision, constantValue("", a.data)})
			if len(hit.conditions) > len(b.conditions) {
				uncertain = true
			} else {
				left = withoutParts(left, []part{hit.part})
			}
		}
	}
	for _, p := range left {
		r := b
		r.part = p
		if uncertain {
			r = r.withConditions(names(fields)...)
		}
		rest = append(rest, r)
	}
	return found, rest
}

// answersByClass looks up each class of addresses.
func (w *walk) answersByClass(b branch, name string, x *index, values bool) (found []lookupResult, rest []branch) {
	w.steps += len(b.classes)
	if !b.classes.and(x.partial).empty() {
		b = b.withConditions(name)
		return []lookupResult{{branch: b, value: opaqueValue("", registers*4)}}, []branch{b}
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
		found = []lookupResult{{branch: b}}
	case x.marks != nil:
		v := value{kind: perClass, size: 4, marks: x.marks, byClass: func(class int) []byte { return markBytes(x.marks.byClass[class]) }}
		found = []lookupResult{{branch: b, value: v}}
	case x.list[0].decides:
		found = w.verdictsByClass(b, x)
	default:
		v := value{kind: perClass, size: len(x.list[0].data), byClass: func(class int) []byte { return x.list[x.byClass[class]].data }}
		found = []lookupResult{{branch: b, value: v}}
	}
	return found, rest
}

// verdictsByClass returns a branch for each verdict of a verdict map.
func (w *walk) verdictsByClass(b branch, x *index) (found []lookupResult) {
	classes := map[int32]bitset{}
	var order []int32
	for class := range b.classes.each {
		entry := x.byClass[class]
		if classes[entry] == nil {
			order = append(order, entry)
			classes[entry] = newBitset(w.space.count)
		}
		classes[entry].set(class)
	}
	for _, entry := range order {
		hit := b
		hit.classes = classes[entry]
		found = append(found, lookupResult{branch: hit, decision: x.list[entry].decision})
	}
	return found
}

// matching returns the branches whose key is in the intervals.
func (w *walk) matching(b branch, fields []value, keys []interval) []branch {
	w.steps += len(keys)
	if len(fields) == 1 {
		return w.narrow(b, fields[0], test{within: keys})
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
			narrowed = append(narrowed, w.narrow(hit, v, within)...)
		}
		hits = narrowed
		at += nft.RegisterLen(v.size)
	}
	return hits
}

// merged joins branches that differ in their classes only. All come from one branch.
func merged(branches []branch) []branch {
	type branchKey struct {
		protocol   config.Protocol
		low, high  uint16
		conditions string
	}
	index := map[branchKey]int{}
	var kept []branch
	for _, b := range branches {
		key := branchKey{b.protocol, b.low, b.high, strings.Join(b.conditions, "\x00")}
		if at, known := index[key]; known {
			kept[at].classes = kept[at].classes.or(b.classes)
			continue
		}
		index[key] = len(kept)
		kept = append(kept, b)
	}
	return kept
}

func allOpaque(fields []value) bool {
	return !slices.ContainsFunc(fields, func(v value) bool { return v.kind != opaque })
}

// names returns the names of the fields that are unknown.
func names(fields []value) []string {
	var list []string
	for _, v := range fields {
		if v.kind == opaque || v.firstPacketOnly {
			list = append(list, nameOf(v))
		}
	}
	if len(list) == 0 && len(fields) > 0 {
		list = append(list, nameOf(fields[0]))
	}
	return list
}

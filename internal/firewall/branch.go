package firewall

import (
	"slices"

	"github.com/google/nftables/expr"
)

// A branch is what becomes of a part of the packets while a rule is followed: what
// maps answered, and the conditions met that may or may not hold.
type branch struct {
	part
	unsure  []string
	answers []value // by slot
	marked  bool    // the rule set the mark
}

// An outcome is where a branch of a rule ends.
type outcome struct {
	branch
	verdict expr.VerdictKind
	chain   string
	ends    bool // with a verdict; otherwise the next rule comes
}

// under is the branch under further conditions.
func (b branch) under(names ...string) branch {
	b.unsure = slices.Clone(b.unsure)
	for _, name := range names {
		if name != "" && !slices.Contains(b.unsure, name) {
			b.unsure = append(b.unsure, name)
		}
	}
	return b
}

// answered is the branch with what a map has for it.
func (b branch) answered(slot int, v value) branch {
	answers := make([]value, max(slot+1, len(b.answers)))
	copy(answers, b.answers)
	answers[slot] = v
	b.answers = answers
	return b
}

// resolve is a value as it is for the branch.
func (b *branch) resolve(v value) value {
	switch v.kind {
	case mark:
		return v.ofMark(b.mark)
	case answer:
		if v.slot >= len(b.answers) {
			return opaqueValue(v.name, v.size)
		}
		of := b.answers[v.slot]
		if of.kind == constant {
			of.bytes = v.of(of.bytes)
		} else if of.kind == perClass && v.change != nil {
			of = v.ofClasses(of.byClass)
		}
		return of
	}
	return v
}

// ofMark is a value of kind mark for packets with such marks.
func (v value) ofMark(m *marking) value {
	switch {
	case m.unknown:
		return opaqueValue(v.name, v.size)
	case m.byClass == nil:
		return constantValue(v.name, v.of(markBytes(m.all)))
	}
	of := v.ofClasses(func(class int) []byte { return markBytes(m.byClass[class]) })
	if v.change == nil {
		of.marks = m
	}
	return of
}

func (v value) ofClasses(byClass func(int) []byte) value {
	return value{kind: perClass, name: v.name, size: v.size, byClass: func(class int) []byte { return v.of(byClass(class)) }}
}

// try narrows the branch by a test of a value, in any number of branches.
func (w *walk) try(b branch, v value, t test) []branch { return w.appendTried(nil, b, v, t) }

func (w *walk) appendTried(next []branch, b branch, v value, t test) []branch {
	s := w.space.try(v, t, b.part)
	if s.unsure {
		b = b.under(nameOf(v))
	}
	if len(s.hits) > 0 && (v.kind == destination || v.kind == perClass) {
		w.steps += len(b.classes)
	}
	for _, hit := range s.hits {
		b.part = hit
		next = append(next, b)
	}
	return next
}

func nameOf(v value) string {
	if v.name == "" {
		return "a value that lvsmark does not follow"
	}
	return v.name
}

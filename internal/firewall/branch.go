package firewall

import (
	"slices"

	"github.com/google/nftables/expr"
)

// A branch is a part of the packets within a rule, with the conditions that it depends
// on and the answers of the maps that it was looked up in.
type branch struct {
	part
	conditions []string // that may hold or not, for example "iifname"
	answers    []value  // by slot
	marked     bool     // the rule has set the mark
	usesMark   bool     // the rule depends on the cluster's mark
}

// An outcome is a branch at its end: at a verdict or at the end of the rule.
type outcome struct {
	branch
	verdict expr.VerdictKind
	chain   string
	ends    bool // at a verdict; false: the packets go on to the next rule
}

// withConditions returns the branch with further conditions.
func (b branch) withConditions(names ...string) branch {
	b.conditions = slices.Clone(b.conditions)
	for _, name := range names {
		if name != "" && !slices.Contains(b.conditions, name) {
			b.conditions = append(b.conditions, name)
		}
	}
	return b
}

// withAnswer returns the branch with the answer of a map.
func (b branch) withAnswer(slot int, v value) branch {
	answers := make([]value, max(slot+1, len(b.answers)))
	copy(answers, b.answers)
	answers[slot] = v
	b.answers = answers
	return b
}

// resolve returns the value that v has in the branch.
func (b *branch) resolve(v value) value {
	switch v.kind {
	case mark:
		return v.ofMark(b.mark)
	case answer:
		if v.slot >= len(b.answers) {
			return opaqueValue(v.name, v.size)
		}
		resolved := b.answers[v.slot]
		if resolved.kind == constant {
			resolved.bytes = v.apply(resolved.bytes)
		} else if resolved.kind == perClass && v.change != nil {
			resolved = v.ofClasses(resolved.byClass)
		}
		return resolved
	}
	return v
}

// ofMark returns the value of kind mark for packets with the marks m.
func (v value) ofMark(m *marking) value {
	switch {
	case m.unknown:
		return opaqueValue(v.name, v.size)
	case m.byClass == nil:
		return constantValue(v.name, v.apply(markBytes(m.all)))
	}
	resolved := v.ofClasses(func(class int) []byte { return markBytes(m.byClass[class]) })
	if v.change == nil {
		resolved.marks = m
	}
	return resolved
}

func (v value) ofClasses(byClass func(int) []byte) value {
	return value{kind: perClass, name: v.name, size: v.size, byClass: func(class int) []byte { return v.apply(byClass(class)) }}
}

// narrow returns the branches for which the test of the value may hold.
func (w *walk) narrow(b branch, v value, t test) []branch { return w.appendNarrowed(nil, b, v, t) }

func (w *walk) appendNarrowed(next []branch, b branch, v value, t test) []branch {
	s := w.space.split(v, t, b.part)
	if s.uncertain {
		b = b.withConditions(nameOf(v.tested(t)))
	}
	if len(s.hits) > 0 && (v.kind == address || v.kind == perClass) {
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
		return "a value that lvsmark does not evaluate"
	}
	return v.name
}

// metaMark is the condition of a rule that depends on a mark which another rule has set, perhaps.
const metaMark = "meta mark"

// testMark records that a rule depends on the mark of the packets.
func (w *walk) testMark(b *branch) {
	if b.mark.lost {
		return
	}
	b.usesMark = true
	if b.clusters != nil && !w.quiet && w.isRemarked(b.part) {
		w.tested = append(w.tested, b.part)
	}
}

// isRemarked reports whether a rule that was followed before may set the mark of the packets.
func (w *walk) isRemarked(p part) bool {
	return slices.ContainsFunc(w.reported, p.overlaps) || slices.ContainsFunc(w.reportedAhead, p.overlaps)
}

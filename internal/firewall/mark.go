package firewall

import (
	"github.com/google/nftables/expr"
)

// setMark returns the branch after its mark is set to the value. Findings ignores marks
// that lvsmark overwrites later, and reports a mark other than the cluster's if it is set
// after that.
func (w *walk) setMark(at place, b branch, v value) branch {
	b.marked = true
	next := w.marking(b, v)
	if b.clusters == nil {
		b.mark = next
		return b
	}
	if !w.needsMark(b.part) || w.space.unmarked(b.part) {
		w.changed.mark = w.changed.mark || len(b.conditions) > 0
		w.marksLater = true
		b.mark = next
		return b
	}
	changed := b.classes
	if !next.unknown && !b.mark.lost {
		changed = newBitset(w.space.count)
		for class := range b.classes.each {
			if next.of(class) != b.clusters.of(class) {
				changed.set(class)
			}
		}
	}
	if changed.empty() {
		b.marked = false
		return b
	}
	reported := b
	reported.classes = changed
	w.report(at, reported, SetsMark)
	b.mark = &marking{unknown: true, lost: true}
	return b
}

// marking returns the mark of packets after it is set to the value.
func (w *walk) marking(b branch, v value) *marking {
	switch {
	case v.kind == constant && len(v.bytes) == 4:
		return &marking{all: hostOrdered(v.bytes)}
	case v.kind == perClass && v.marks != nil:
		return v.marks
	case v.kind != perClass || v.size != 4:
		return &marking{unknown: true}
	}
	m := &marking{byClass: make([]uint32, w.space.count)}
	for class := range b.classes.each {
		bytes := v.byClass(class)
		if len(bytes) != 4 {
			return &marking{unknown: true}
		}
		m.byClass[class] = hostOrdered(bytes)
	}
	return m
}

// decided applies a verdict to a branch.
func (w *walk) decided(at place, b branch, kind expr.VerdictKind, chain string) outcome {
	const codeMask = 0xff // NF_VERDICT_MASK
	switch {
	case kind == expr.VerdictDrop:
		w.report(at, b, Drops)
	case kind > 0 && kind&codeMask == expr.VerdictQueue:
		w.report(at, b, Queues)
		kind = expr.VerdictDrop
	}
	return outcome{branch: b, verdict: kind, chain: chain, ends: true}
}

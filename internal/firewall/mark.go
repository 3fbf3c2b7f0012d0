package firewall

import (
	"github.com/google/nftables/expr"
)

// setMark is the branch after its mark was set to the value. Where the question is what
// keeps packets from their cluster's mark, a mark is of no matter ahead of lvsmark's
// chain, which sets it anew, and another one behind it is reported.
func (w *walk) setMark(at place, b branch, v value) branch {
	b.marked = true
	next := w.marking(b, v)
	if b.clusters == nil {
		b.mark = next
		return b
	}
	if w.hookPoint.side == beforeMarks {
		b.marked = false
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
	of := b
	of.classes = changed
	w.report(at, of, SetsMark)
	b.mark = &marking{unknown: true, lost: true}
	return b
}

// marking is the mark of packets that it was set to a value for.
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

// decided is a verdict.
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

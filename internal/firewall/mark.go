package firewall

import (
	"math"
	"slices"

	"github.com/google/nftables/expr"
)

// setMark returns the branch after its mark is set to the value, which may be one of the branch.
// Findings ignores marks that lvsmark overwrites later, and reports a mark other than the
// cluster's if it is set after that.
func (w *walk) setMark(at place, b branch, v value) branch {
	b.marked = true
	next := w.marking(b, w.resolveMark(&b, v))
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
	changed, reported := b.classes, b
	if !next.unknown {
		changed = newBitset(w.space.count)
		for class := range b.classes.each {
			if next.of(class) != b.clusters.of(class) {
				changed.set(class)
			}
		}
		w.setsBack(SetsMark, b.part.withClasses(b.classes.without(changed)), laterMark)
	} else if b.mark.lost {
		if back := w.canGetBack(&b, v); !back.empty() {
			w.setsBack(SetsMark, b.part.withClasses(back), laterMark)
			reported = b.withConditions(nameOf(v))
		}
	}
	if changed.empty() && b.mark.lost {
		b.mark = next
		return b
	}
	if changed.empty() {
		b.marked = false
		return b
	}
	reported.classes = changed
	if b.mark = w.lostMark(b.classes, next); b.usesMark && w.isRemarked(b.part) {
		b.mark = anyLost
	}
	w.report(at, reported, SetsMark)
	return b
}

// maxLost bounds the marks that are followed after a rule has set another mark than the
// cluster's: each one divides the packets.
const maxLost = 16

// lostMark returns the unknown mark of packets that have the mark m in place of the cluster's.
func (w *walk) lostMark(classes bitset, m *marking) *marking {
	lost := &marking{unknown: true, lost: true}
	now, same := m.same(classes)
	if !same || len(w.lost) == maxLost && w.lost[now] == nil {
		return lost
	}
	if w.lost[now] == nil {
		w.lost[now] = &marking{all: now}
	}
	lost.now = w.lost[now]
	return lost
}

// resolveMark is resolve for a value that the mark is set to. It may be computed from a mark that
// another rule has set in place of the cluster's.
func (w *walk) resolveMark(b *branch, v value) value {
	if v.kind == mark && b.mark.now != nil {
		return v.ofMark(b.mark.now)
	}
	return w.resolve(b, v)
}

// canGetBack returns the classes whose packets may have the mark of their cluster after it is set
// to a value that is computed from an unknown mark.
func (w *walk) canGetBack(b *branch, v value) bitset {
	switch v.kind {
	case answer: // of a map that is perhaps asked for the mark
		return b.classes
	case ctMark:
		if !w.changed.ctMark {
			return nil
		}
		return b.classes // a rule may have saved the cluster's mark in it
	case mark:
	default:
		return nil
	}
	// Each bit of a computed mark depends on one bit at most.
	zeros, ones := hostOrdered(v.apply(markBytes(0))), hostOrdered(v.apply(markBytes(math.MaxUint32)))
	fixed := ^(zeros ^ ones)
	classes := newBitset(w.space.count)
	for class := range b.classes.each {
		if (b.clusters.of(class)^zeros)&fixed == 0 {
			classes.set(class)
		}
	}
	return classes
}

// Conditions of a rule whose mark or packet type another rule may set back.
const (
	laterMark = "later rules that set the mark"
	laterType = "later rules that set the packet type"
)

// setsBack makes earlier findings about the mark of the packets uncertain: a later rule may set the
// cluster's mark again, or compute it from the wrong one; or about their type.
func (w *walk) setsBack(effect Effect, p part, condition string) {
	if p.classes.empty() {
		return
	}
	for _, f := range w.order {
		if f.Effect != effect || len(f.Conditions) > 0 || w.quiet && f.order == w.baseOrder() {
			continue
		}
		if parts := f.packets[0].parts; len(parts) == maxParts || slices.ContainsFunc(parts, p.overlaps) {
			f.Conditions = []string{condition}
		}
	}
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

// setPacketType sets the type of a packet. IPVS takes packets to the host only (ip_vs_in of
// net/netfilter/ipvs/ip_vs_core.c), and the kernel forwards only these (ip_forward, ip6_forward).
func (w *walk) setPacketType(at place, b branch, to value) {
	w.changed.packetType = true
	switch {
	case to.kind != constant || len(to.bytes) == 0:
		w.report(at, b.withConditions(nameOf(to)), SetsType)
	case to.bytes[0] == packetHost:
		w.toHost = append(w.toHost, b.part)
		w.setsBack(SetsType, b.part, laterType)
	case to.bytes[0] <= packetOther:
		w.report(at, b, SetsType)
	}
}

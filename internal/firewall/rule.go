package firewall

import (
	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/nft"
)

// A rule is what it asks of packets and does to them, step by step. It is made once for
// each space, and is nil where no packet of the space comes to its end.
type rule struct {
	handle uint64
	steps  []step
	source textual
}

// A textual is a rule as a program wrote it.
type textual interface {
	// Text is the rule as it is told to packets of that family.
	Text(nft.Family) string
}

// A step of a rule takes a branch: it returns the branches that go on to the next
// step, and those that leave the rule with a verdict.
type step interface {
	take(w *walk, at place, b branch) (next []branch, ended []outcome)
}

// A place is where a step is: a rule of a chain.
type place struct {
	chain *chain
	rule  *rule
}

// A match lets only packets go on for which a test holds.
type match struct {
	of   value
	test test
}

func (m match) take(w *walk, _ place, b branch) ([]branch, []outcome) {
	return w.try(b, b.resolve(m.of), m.test), nil
}

// A condition may hold or not: nobody knows.
type condition struct{ name string }

func (c condition) take(_ *walk, _ place, b branch) ([]branch, []outcome) {
	return []branch{b.under(c.name)}, nil
}

// A verdict ends the rule.
type verdict struct {
	kind  expr.VerdictKind
	chain string
}

func (v verdict) take(w *walk, at place, b branch) ([]branch, []outcome) {
	return nil, []outcome{w.decided(at, b, v.kind, v.chain)}
}

// A taking keeps packets from IPVS, or may. Where it ends the rule, the packets do not
// come back.
type taking struct {
	effect Effect
	unsure string // what nobody knows about it; empty: it will happen
	ends   bool
}

func (t taking) take(w *walk, at place, b branch) ([]branch, []outcome) {
	told := b
	if t.unsure != "" {
		told = b.under(t.unsure)
	}
	w.report(at, told, t.effect)
	if t.ends {
		return nil, []outcome{{branch: b, verdict: expr.VerdictDrop, ends: true}}
	}
	return []branch{b}, nil
}

// A markSet sets the mark.
type markSet struct{ to value }

func (m markSet) take(w *walk, at place, b branch) ([]branch, []outcome) {
	return []branch{w.setMark(at, b, b.resolve(m.to))}, nil
}

// A markRestored sets the bits of the mark to those of the connection's mark. A new
// connection has none: the bits are cleared. Later packets may get others.
type markRestored struct{ cleared value }

func (m markRestored) take(w *walk, at place, b branch) ([]branch, []outcome) {
	set := w.setMark(at, b, b.resolve(m.cleared))
	if !set.mark.lost {
		w.setMark(at, b.under("ct mark"), opaqueValue("", 4))
	}
	return []branch{set}, nil
}

// An unknownMark sets the mark to what nobody knows, perhaps.
type unknownMark struct{ name string }

func (m unknownMark) take(w *walk, at place, b branch) ([]branch, []outcome) {
	return []branch{w.setMark(at, b.under(m.name), opaqueValue("", 4))}, nil
}

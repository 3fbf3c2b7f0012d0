package firewall

import (
	"slices"

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

// A step of a rule takes branches, whose slice it may use again: it returns those that go
// on to the next step, and those that leave the rule with a verdict.
type step interface {
	take(w *walk, at place, branches []branch) (next []branch, ended []outcome)
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

func (m match) take(w *walk, _ place, branches []branch) (next []branch, _ []outcome) {
	for i := range branches {
		next = w.appendTried(next, branches[i], branches[i].resolve(m.of), m.test)
	}
	return next, nil
}

// A condition may hold or not: nobody knows.
type condition struct{ name string }

func (c condition) take(_ *walk, _ place, branches []branch) ([]branch, []outcome) {
	var before, after []string // of the branch ahead: most have the same
	for i := range branches {
		if i == 0 || !slices.Equal(branches[i].unsure, before) {
			before = branches[i].unsure
			after = branches[i].under(c.name).unsure
		}
		branches[i].unsure = after
	}
	return branches, nil
}

// A verdict ends the rule.
type verdict struct {
	kind  expr.VerdictKind
	chain string
}

func (v verdict) take(w *walk, at place, branches []branch) (_ []branch, ended []outcome) {
	ended = make([]outcome, len(branches))
	for i, b := range branches {
		ended[i] = w.decided(at, b, v.kind, v.chain)
	}
	return nil, ended
}

// A taking keeps packets from IPVS, or may. Where it ends the rule, the packets do not
// come back.
type taking struct {
	effect Effect
	unsure string // what nobody knows about it; empty: it will happen
	ends   bool
}

func (t taking) take(w *walk, at place, branches []branch) (next []branch, ended []outcome) {
	for _, b := range branches {
		told := b
		if t.unsure != "" {
			told = b.under(t.unsure)
		}
		w.report(at, told, t.effect)
		if t.ends {
			ended = append(ended, outcome{branch: b, verdict: expr.VerdictDrop, ends: true})
		}
	}
	if t.ends {
		return nil, ended
	}
	return branches, nil
}

// A markSet sets the mark.
type markSet struct{ to value }

func (m markSet) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	for i, b := range branches {
		branches[i] = w.setMark(at, b, b.resolve(m.to))
	}
	return branches, nil
}

// A markRestored sets the bits of the mark to those of the connection's mark. A new
// connection has none: the bits are cleared. Later packets may get others.
type markRestored struct{ cleared value }

func (m markRestored) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	for i, b := range branches {
		branches[i] = w.setMark(at, b, b.resolve(m.cleared))
		if !branches[i].mark.lost {
			w.setMark(at, b.under("ct mark"), opaqueValue("", 4))
		}
	}
	return branches, nil
}

// An unknownMark sets the mark to what nobody knows, perhaps.
type unknownMark struct{ name string }

func (m unknownMark) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	for i, b := range branches {
		branches[i] = w.setMark(at, b.under(m.name), opaqueValue("", 4))
	}
	return branches, nil
}

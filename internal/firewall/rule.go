package firewall

import (
	"slices"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// A rule is a list of steps that match packets or act on them. It is loaded once for each
// space.
type rule struct {
	handle uint64
	steps  []step
	shared bool // by all rules with the same steps
	source ruleText

	reads oldconfig.Reads // of package exact: what matches may depend on
}

// A ruleText is the source of a rule.
type ruleText interface {
	// Text returns the rule as text; the argument is the family of its table.
	Text(nft.Family) string
}

// A step of a rule takes branches. It returns those that go on to the next step, and those
// that leave the rule with a verdict. It may reuse the slice of branches.
type step interface {
	take(w *walk, at place, branches []branch) (next []branch, ended []outcome)
}

// decides reports whether the rule may have a verdict.
func (r *rule) decides() bool {
	return slices.ContainsFunc(r.steps, func(s step) bool {
		d, ok := s.(interface{ decides() bool })
		return ok && d.decides()
	})
}

// A place is the position of a step: a chain and a rule in it.
type place struct {
	chain *chain
	rule  *rule
}

// A match lets packets go on to the next step if a test of a value holds.
type match struct {
	value value
	test  test
}

func (m match) take(w *walk, _ place, branches []branch) (next []branch, _ []outcome) {
	for i := range branches {
		if m.value.ofConnection && w.hasNone(&branches[i]) {
			continue
		}
		v := w.resolve(&branches[i], m.value) // it changes the branch
		next = w.appendNarrowed(next, branches[i], v, m.test)
	}
	return next, nil
}

// A condition is a match with an unknown result.
type condition struct{ name string }

func (c condition) take(_ *walk, _ place, branches []branch) ([]branch, []outcome) {
	var before, after []string // of the previous branch: most have the same conditions
	for i := range branches {
		if i == 0 || !slices.Equal(branches[i].conditions, before) {
			before = branches[i].conditions
			after = branches[i].withConditions(c.name).conditions
		}
		branches[i].conditions = after
	}
	return branches, nil
}

// A choice is alternative matches, for disjoint packets, of package exact. Other analyses take
// it as the condition.
type choice struct {
	condition
	alternatives [][]match
}

// A verdict ends the rule.
type verdict struct {
	kind  expr.VerdictKind
	chain string
}

func (verdict) decides() bool { return true }

func (v verdict) take(w *walk, at place, branches []branch) (_ []branch, ended []outcome) {
	ended = make([]outcome, len(branches))
	for i, b := range branches {
		ended[i] = w.decided(at, b, v.kind, v.chain)
	}
	return nil, ended
}

// A markSet sets the mark to a value.
type markSet struct{ to value }

func (m markSet) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	for i, b := range branches {
		branches[i] = w.setMark(at, b.withConditions(w.doubt(&b, m.to)...), m.to)
	}
	return branches, nil
}

// A markRestore copies bits of the connection's mark to the mark. A new connection has no
// mark, so the bits are cleared. Later packets can get other bits.
type markRestore struct {
	cleared value
	exact   *connMark
}

func (m markRestore) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	restored := value{kind: ctMark, name: "ct mark", ofConnection: true}
	for i, b := range branches {
		b = b.withConditions(w.doubt(&b, restored)...)
		branches[i] = w.setMark(at, b, m.cleared)
		if !branches[i].mark.lost {
			w.setMark(at, b.withConditions("ct mark"), opaqueValue("", 4))
		}
	}
	return branches, nil
}

// An unknownMark may set the mark, to an unknown value.
type unknownMark struct{ name string }

func (m unknownMark) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	for i, b := range branches {
		branches[i] = w.setMark(at, b.withConditions(m.name), opaqueValue("", 4))
	}
	return branches, nil
}

// A helperAssignment assigns a helper of connection tracking; only package exact needs it.
type helperAssignment struct {
	name    string // of the helper
	object  string // or of the object of the table that has its name
	objects string // or of a map with objects, which are perhaps of another kind
}

func (helperAssignment) take(_ *walk, _ place, branches []branch) ([]branch, []outcome) {
	return branches, nil
}

// A packetTypeSet sets the type of a packet to a value.
type packetTypeSet struct{ to value }

func (p packetTypeSet) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	for _, b := range branches {
		w.setPacketType(at, b, w.resolve(&b, p.to))
	}
	return branches, nil
}

// An otherChange changes a property that is not in the model; only package exact needs it.
type otherChange struct{ name string }

func (otherChange) take(_ *walk, _ place, branches []branch) ([]branch, []outcome) {
	return branches, nil
}

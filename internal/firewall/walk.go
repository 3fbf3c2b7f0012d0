package firewall

import (
	"errors"
	"slices"

	"github.com/google/nftables/expr"
)

// ErrTooMuch says that the rules of others are too many to be followed.
var ErrTooMuch = errors.New("too many rules and elements to follow all of them")

// stepLimit bounds the work for one family, and depthLimit the jumps, of which
// the kernel takes 16.
const (
	stepLimit  = 5_000_000
	depthLimit = 32
)

// A walk follows the packets of one space through chains.
type walk struct {
	*reader
	space     *space
	number    int // of the space
	hookPoint hookPoint
	findings  map[findingKey]*Finding
	order     []*Finding
	accepted  []part // that leave the base chain with a verdict, where someone asks
	keeps     bool   // accepted
	memos     map[*chain][]memo
	steps     int
	limit     int // of steps
	depth     int
	err       error
}

// A memo of packets through a chain. That chains are jumped to from many
// rules, and these from many, must not multiply.
type memo struct {
	parts, through, accepted []part
	conditions               []string
}

func newWalk(r *reader, number, limit int) *walk {
	return &walk{
		reader: r, space: r.loaders[number].space, number: number,
		findings: map[findingKey]*Finding{}, memos: map[*chain][]memo{}, limit: limit,
	}
}

func (w *walk) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// spent reports whether the walk has to end.
func (w *walk) spent() bool { return w.err != nil || w.steps > w.limit }

// visit follows the packets through one base chain: those that it does not drop.
func (w *walk) visit(at hookPoint, all []part) []part {
	w.hookPoint, w.accepted = at, nil
	clear(w.memos)
	var conditions []string
	for _, device := range at.chain.Devices {
		conditions = append(conditions, "device "+device)
	}
	through := w.chain(at.chain, all, conditions)
	if !at.chain.Drops() {
		return append(w.accepted, through...)
	}
	for _, p := range through {
		w.report(place{chain: at.chain}, branch{part: p, unsure: conditions}, Drops)
	}
	return w.accepted
}

// pass is chain, but for packets that went there already under the same
// conditions.
func (w *walk) pass(c *chain, parts []part, conditions []string) []part {
	const captured = 16
	for _, p := range w.memos[c] {
		w.steps++
		if slices.Equal(p.conditions, conditions) && slices.EqualFunc(p.parts, parts, part.equal) {
			w.accepted = append(w.accepted, p.accepted...)
			return p.through
		}
	}
	before := len(w.accepted)
	through := w.chain(c, parts, conditions)
	if len(w.memos[c]) < captured {
		w.memos[c] = append(w.memos[c], memo{parts, through, slices.Clone(w.accepted[before:]), conditions})
	}
	return through
}

// chain follows packets through a chain, and returns those that come back from
// it.
func (w *walk) chain(c *chain, alive []part, conditions []string) []part {
	rules, err := w.rules(c, w.number)
	if err != nil {
		w.fail(err)
		return nil
	}
	w.depth++
	defer func() { w.depth-- }()
	var back []part
	for _, r := range rules {
		if len(alive) == 0 || w.spent() || w.depth > depthLimit {
			break
		}
		var returned []part
		alive, returned = w.rule(place{c, r}, alive, conditions)
		back = append(back, returned...)
	}
	return append(back, alive...)
}

// rule follows packets through a rule: those that meet the next rule, and those
// that are done with the chain but not with the hook. Packets that the rule only
// may send elsewhere meet the next rule too.
func (w *walk) rule(at place, alive []part, conditions []string) (next, returned []part) {
	next = alive
	for _, o := range together(w.follow(at, alive, conditions)) {
		sure := len(o.unsure) == len(conditions)
		if sure && (o.ends || o.marked) {
			next = withoutParts(next, o.parts)
		}
		through := o.parts
		if target := at.chain.table.chains[o.chain]; o.ends && target != nil {
			through = w.pass(target, o.parts, o.unsure)
		}
		switch {
		case !sure || !o.ends && !o.marked:
		case !o.ends || o.verdict == expr.VerdictJump:
			next = append(slices.Clip(next), through...)
		case o.verdict == expr.VerdictGoto:
			returned = append(returned, through...)
		case o.verdict == expr.VerdictReturn:
			returned = append(returned, o.parts...)
		case o.verdict == expr.VerdictAccept && w.keeps:
			w.accepted = append(w.accepted, o.parts...)
		}
	}
	return next, returned
}

// follow takes packets through the steps of a rule. What the rule does to them is
// reported; where they go afterwards is returned.
func (w *walk) follow(at place, alive []part, conditions []string) []outcome {
	branches := make([]branch, len(alive))
	for i, p := range alive {
		branches[i] = branch{part: p, unsure: conditions}
	}
	var ended []outcome
	for _, s := range at.rule.steps {
		if w.steps += len(branches); w.spent() || len(branches) == 0 {
			return ended
		}
		var out []outcome
		branches, out = s.take(w, at, branches)
		ended = append(ended, out...)
	}
	for _, b := range branches {
		ended = append(ended, outcome{branch: b})
	}
	return ended
}

// A group is what outcomes of a rule have in common, and their parts.
type group struct {
	verdict expr.VerdictKind
	chain   string
	ends    bool
	marked  bool
	unsure  []string
	parts   []part
}

// together groups outcomes, so that each chain is followed once.
func together(outcomes []outcome) []group {
	var groups []group
	for _, o := range outcomes {
		if o.verdict == expr.VerdictBreak {
			o.verdict, o.ends = 0, false
		}
		i := slices.IndexFunc(groups, func(g group) bool {
			return g.verdict == o.verdict && g.chain == o.chain && g.ends == o.ends && g.marked == o.marked && slices.Equal(g.unsure, o.unsure)
		})
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{o.verdict, o.chain, o.ends, o.marked, o.unsure, nil})
		}
		groups[i].parts = append(groups[i].parts, o.part)
	}
	return groups
}

package firewall

import (
	"errors"
	"slices"

	"github.com/google/nftables/expr"
)

// ErrTooMuch means that the rules and elements are too many to follow all of them.
var ErrTooMuch = errors.New("too many rules and elements to follow all of them")

// stepLimit bounds the work for one family, and depthLimit the nesting of jumps. The
// kernel allows 16 (NFT_JUMP_STACK_SIZE).
const (
	stepLimit  = 5_000_000
	depthLimit = 32
)

// A walk follows the packets of one space through chains, and collects findings.
type walk struct {
	*reader
	space      *space
	spaceIndex int // index of the space in reader.loaders
	hookPoint  hookPoint
	changed    changes // by earlier rules
	marksLater bool    // a rule of the current chain sets the mark

	markedByOther bool // a rule of an earlier base chain may have set the mark
	findings      map[findingKey]*Finding
	order         []*Finding
	accepted      []part // packets that the base chain accepts
	memos         map[*chain][]memo
	steps         int
	limit         int       // maximum of steps
	leaves        [][]leave // by depth: packets that may have left the chain
	err           error
}

// changes are what earlier rules may have changed. The walk does not follow packets from
// one chain to the next, so later rules that test it have a condition.
type changes struct {
	mark, ctMark, tracking bool
}

// A memo is the result of a chain for some packets. Without memos, a chain that many rules
// jump to is followed once for each path to it.
type memo struct {
	parts, through, accepted []part
	conditions               []string
}

func newWalk(r *reader, number, limit int) *walk {
	return &walk{
		reader: r, space: r.loaders[number].space, spaceIndex: number,
		findings: map[findingKey]*Finding{}, memos: map[*chain][]memo{}, limit: limit,
	}
}

func (w *walk) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// spent reports whether the walk must end.
func (w *walk) spent() bool { return w.err != nil || w.steps > w.limit }

// baseChain follows the packets through one base chain, and returns those that it does
// not drop.
func (w *walk) baseChain(at hookPoint, all []part) []part {
	w.hookPoint, w.accepted = at, nil
	clear(w.memos)
	conditions := at.conditions
	through := w.chain(at.chain, all, conditions)
	w.changed.mark = w.changed.mark || w.marksLater
	if !at.chain.Drops() {
		return append(w.accepted, through...)
	}
	for _, p := range through {
		w.report(place{chain: at.chain}, branch{part: p, conditions: conditions}, Drops)
	}
	return w.accepted
}

// chainOnce is chain with memos: it does not follow the same packets twice under the same
// conditions.
func (w *walk) chainOnce(c *chain, parts []part, conditions []string) []part {
	const maxMemos = 16
	if m := w.memo(c, parts, conditions); m != nil {
		w.accepted = append(w.accepted, m.accepted...)
		return m.through
	}
	before := len(w.accepted)
	through := w.chain(c, parts, conditions)
	if len(w.memos[c]) < maxMemos && w.memo(c, parts, conditions) == nil {
		w.memos[c] = append(w.memos[c], memo{parts, through, slices.Clone(w.accepted[before:]), conditions})
	}
	return through
}

func (w *walk) memo(c *chain, parts []part, conditions []string) *memo {
	for i := range w.memos[c] {
		w.steps++
		if m := &w.memos[c][i]; slices.Equal(m.conditions, conditions) && slices.EqualFunc(m.parts, parts, part.equal) {
			return m
		}
	}
	return nil
}

// chain follows packets through a chain, and returns those that return from it.
func (w *walk) chain(c *chain, alive []part, conditions []string) []part {
	rules, err := w.rules(c, w.spaceIndex)
	if err != nil {
		w.fail(err)
		return nil
	}
	w.leaves = append(w.leaves, nil)
	defer func() { w.leaves = w.leaves[:len(w.leaves)-1] }()
	var back []part
	for _, r := range rules {
		if len(alive) == 0 || w.spent() || len(w.leaves) > depthLimit {
			break
		}
		var returned []part
		alive, returned = w.rule(place{c, r}, alive, conditions)
		back = append(back, returned...)
	}
	return w.withLeaves(append(back, alive...))
}

// rule follows packets through a rule. next go on to the next rule, returned leave the
// chain but not the hook. Packets that the rule may send elsewhere, depending on
// conditions, are in next too.
func (w *walk) rule(at place, alive []part, conditions []string) (next, returned []part) {
	next = alive
	for _, o := range grouped(w.follow(at, alive, conditions)) {
		sure := len(o.conditions) == len(conditions)
		if sure && (o.ends || o.marked) {
			next = withoutParts(next, o.parts)
		}
		accepted, through := len(w.accepted), o.parts
		if target := at.chain.table.chains[o.chain]; o.ends && target != nil {
			through = w.chainOnce(target, o.parts, o.conditions)
		}
		switch {
		case !sure && o.ends:
			next = w.mayEnd(o, w.accepted[accepted:], through, next, o.conditions[len(conditions):])
		case !sure || !o.ends && !o.marked:
		case !o.ends || o.verdict == expr.VerdictJump:
			next = append(slices.Clip(next), through...)
		case o.verdict == expr.VerdictGoto:
			returned = append(returned, through...)
		case o.verdict == expr.VerdictReturn:
			returned = append(returned, o.parts...)
		case o.verdict == expr.VerdictAccept:
			w.accepted = append(w.accepted, o.parts...)
		}
	}
	return next, returned
}

// follow takes packets through the steps of a rule. The steps report findings; the
// outcomes are where the packets go next.
func (w *walk) follow(at place, alive []part, conditions []string) []outcome {
	branches := make([]branch, len(alive))
	for i, p := range alive {
		branches[i] = branch{part: p, conditions: conditions}
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

// A group is outcomes of a rule that differ in their parts only.
type group struct {
	verdict    expr.VerdictKind
	chain      string
	ends       bool
	marked     bool
	conditions []string
	parts      []part
}

// grouped groups outcomes, so that the target chain of a group is followed once.
func grouped(outcomes []outcome) []group {
	var groups []group
	for _, o := range outcomes {
		if o.verdict == expr.VerdictBreak {
			o.verdict, o.ends = 0, false
		}
		i := slices.IndexFunc(groups, func(g group) bool {
			return g.verdict == o.verdict && g.chain == o.chain && g.ends == o.ends && g.marked == o.marked && slices.Equal(g.conditions, o.conditions)
		})
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{o.verdict, o.chain, o.ends, o.marked, o.conditions, nil})
		}
		groups[i].parts = append(groups[i].parts, o.part)
	}
	return groups
}

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
	spaceIndex int      // index of the space in reader.loaders
	tables     []*table // of all chains
	hookPoint  hookPoint
	changed    changes // by earlier rules
	marksLater bool    // a rule of the current chain sets the mark

	markedByOther bool // a rule of an earlier base chain may have set the mark
	findings      map[findingKey]*Finding
	order         []*Finding
	accepted      []part // packets that the base chain accepts
	memos         map[*chain][]memo
	steps         int
	limit         int                 // maximum of steps
	lost          map[uint32]*marking // by mark, see lostMark
	remarked      []part              // packets with another mark than the cluster's, of earlier base chains
	reported      []part              // packets whose mark a rule of the current base chain sets, perhaps
	reportedAhead []part              // or one of another base chain that runs first, perhaps
	previous      hookPoint           // the last one with another place in the order
	quiet         bool                // packets are followed once more, without findings
	toHost        []part              // whose type a rule sets to host, in chains of one place in the order
	leaves        [][]leave           // by depth: packets that may have left the chain
	tested        []part              // packets whose mark the current rule tests, and another rule sets, perhaps
	reports       []report            // of the current rule, without those of the chains that it jumps to
	err           error
}

// changes are what earlier rules may have changed. The walk does not follow packets from
// one chain to the next, so later rules that test it have a condition.
type changes struct {
	mark, ctMark, tracking, packetType bool
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
		findings: map[findingKey]*Finding{}, lost: map[uint32]*marking{}, memos: map[*chain][]memo{}, limit: limit,
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
// conditions. It returns the packets that return from the chain, and those that it accepts.
func (w *walk) chainOnce(c *chain, parts []part, conditions []string) (through, accepted []part) {
	const maxMemos = 16
	if m := w.memo(c, parts, conditions); m != nil {
		return m.through, m.accepted // which w.accepted has already
	}
	before := len(w.accepted)
	through = w.chain(c, parts, conditions)
	accepted = slices.Clone(w.accepted[before:])
	if len(w.memos[c]) < maxMemos && w.memo(c, parts, conditions) == nil {
		w.memos[c] = append(w.memos[c], memo{parts, through, accepted, conditions})
	}
	return through, accepted
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
	alive, back := w.throughRules(c, rules, alive, conditions)
	return w.withLeaves(append(back, alive...))
}

// A report is an effect of a rule on a branch.
type report struct {
	branch branch
	effect Effect
}

// knownRules has, by their steps, the reports of rules that were followed for the current
// packets. Shared steps depend on nothing else, and a rule that is followed again adds nothing
// to what the walk keeps.
type knownRules map[*step][]report

// repeat reports the effects of a rule that is known; false: it is not.
func (k knownRules) repeat(w *walk, at place) bool {
	if !at.rule.shared {
		return false
	}
	own := len(w.reports)
	reports, known := k[&at.rule.steps[0]]
	for _, r := range reports {
		w.report(at, r.branch, r.effect)
	}
	w.reports = w.reports[:own]
	return known
}

// throughRules follows packets through the rules of a chain. alive are those that reach its
// end, back those that leave the chain but not the hook.
func (w *walk) throughRules(c *chain, rules []*rule, alive []part, conditions []string) (_, back []part) {
	known := knownRules{}
	for _, r := range rules {
		if w.steps++; len(alive) == 0 || w.spent() || len(w.leaves) > depthLimit {
			break
		}
		at := place{c, r}
		if known.repeat(w, at) {
			continue
		}
		own := len(w.reports)
		next, returned := w.rule(at, alive, conditions)
		if len(next) == 0 || &next[0] != &alive[0] {
			clear(known)
		} else if r.shared {
			known[&r.steps[0]] = slices.Clone(w.reports[own:])
		}
		w.reports = w.reports[:own]
		alive, back = next, append(back, returned...)
	}
	return alive, back
}

// rule follows packets through a rule. next go on to the next rule, returned leave the
// chain but not the hook. Packets that the rule may send elsewhere, depending on
// conditions, are in next too.
func (w *walk) rule(at place, alive []part, conditions []string) (next, returned []part) {
	next = alive
	w.tested = nil
	outcomes := w.follow(at, alive, conditions)
	tested := w.tested // before other chains are followed
	for _, o := range w.grouped(outcomes) {
		sure := len(o.conditions) == len(conditions)
		if sure && (o.ends || o.marked) {
			next = withoutParts(next, o.parts)
		}
		var accepted []part
		through := o.parts
		if target := at.chain.table.chains[o.chain]; o.ends && target != nil {
			through, accepted = w.chainOnce(target, o.parts, o.inside())
		}
		if !sure {
			next = forgetWhereChanged(next, slices.Concat(o.parts, through, accepted))
		}
		switch {
		case !sure && o.ends:
			next = w.mayEnd(o, accepted, through, next, o.conditions[len(conditions):])
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
	if at.rule.decides() { // with another mark the packets may have another way
		next = mayBeAccepted(next, tested, []string{metaMark})
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
		branches, out = w.take(s, at, branches)
		ended = append(ended, out...)
	}
	for _, b := range branches {
		ended = append(ended, outcome{branch: b})
	}
	return ended
}

// take takes branches through a step. Packets that the step takes out of the rule, after the
// rule has set their mark, go on to the next rule with it.
func (w *walk) take(s step, at place, branches []branch) (next []branch, ended []outcome) {
	if !slices.ContainsFunc(branches, func(b branch) bool { return b.marked }) {
		return s.take(w, at, branches)
	}
	for _, b := range branches {
		on, out := s.take(w, at, []branch{b})
		next, ended = append(next, on...), append(ended, out...)
		if b.marked {
			ended = append(ended, b.leftBy(on, out)...)
		}
	}
	return next, ended
}

// leftBy returns the packets of the branch that surely are in none of the others.
func (b branch) leftBy(on []branch, out []outcome) (left []outcome) {
	parts := []part{b.part}
	for _, o := range out {
		on = append(on, o.branch)
	}
	for _, n := range on {
		if len(n.conditions) == len(b.conditions) {
			parts = withoutParts(parts, []part{n.part})
		}
	}
	for _, b.part = range parts {
		left = append(left, outcome{branch: b})
	}
	return left
}

// A group is outcomes of a rule that differ in their parts only.
type group struct {
	verdict    expr.VerdictKind
	chain      string
	ends       bool
	marked     bool
	remarked   bool // a match of the mark is uncertain, see isRemarked
	conditions []string
	parts      []part
}

// inside returns the conditions of the chain that the group goes to. Packets that have their
// cluster's mark surely go there; findings about those without it stand for themselves.
func (g group) inside() []string {
	if g.remarked {
		return joinConditions(g.conditions, []string{metaMark})
	}
	return g.conditions
}

// grouped groups outcomes, so that the target chain of a group is followed once.
func (w *walk) grouped(outcomes []outcome) []group {
	var groups []group
	for _, o := range outcomes {
		if o.verdict == expr.VerdictBreak {
			o.verdict, o.ends = 0, false
		}
		remarked := o.usesMark && o.chain != "" && w.isRemarked(o.part)
		i := slices.IndexFunc(groups, func(g group) bool {
			return g.verdict == o.verdict && g.chain == o.chain && g.ends == o.ends && g.marked == o.marked && g.remarked == remarked && slices.Equal(g.conditions, o.conditions)
		})
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{o.verdict, o.chain, o.ends, o.marked, remarked, o.conditions, nil})
		}
		groups[i].parts = append(groups[i].parts, o.part)
	}
	return groups
}

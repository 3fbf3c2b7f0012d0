package exact

import (
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A run is the start of a machine, on both sides.
type run struct {
	state    int
	connMark [2]uint32
	assumed  map[question]bool
	isSecond bool // of a connection; see tallySecond
}

// maxAssumptions bounds the tests that are not understood on the way of a packet.
const maxAssumptions = 12

// maxAssumed bounds the runs of a comparison with assumptions: each test that rules do not end
// the packet's way at doubles them.
const maxAssumed = 1 << 16

func (c *comparison) machine(r run, side int) *machine {
	m := &machine{state: r.state, connMark: r.connMark[side], assumed: map[question]bool{}}
	maps.Copy(m.assumed, r.assumed)
	return m
}

// compare runs two programs without tests of fields.
func (c *comparison) compare(old, new *program, b box, k kind) {
	states := k.states()
	if (old.uses|new.uses)&testsState == 0 {
		states = states[:1]
	}
	for _, state := range states {
		l := leaf{comparison: c, programs: [2]*program{old, new}, box: b, kind: k}
		l.compare(run{state: state})
	}
}

// A leaf is the comparison of packets that both sides treat equally, up to what is not
// understood.
type leaf struct {
	*comparison
	programs [2]*program
	box      box
	kind     kind
}

// A tally is the results under all assumptions.
type tally struct {
	equal   int
	differ  []run
	ends    [2]outcome // of the first that differs
	related *oldconfig.Rule
	reads   *oldconfig.Rule
	opaque  *oldconfig.Rule
	tested  []*dynamicTest
	tooMany *dynamicTest
	states  *oldconfig.Rule
	second  []secondRun
}

func (l *leaf) compare(r run) {
	var t tally
	l.tally(r, &t)
	switch {
	case l.exceeded:
		return
	case t.tooMany != nil:
		l.notProven(t.tooMany.origin, "too many conditions are not understood", r)
	case t.opaque != nil:
		l.notProven(t.opaque, "it is not understood", r)
	case len(t.differ) > 0 && t.equal > 0:
		for _, d := range t.tested {
			l.notProven(d.origin, d.unknown(), t.differ[0])
		}
	case len(t.differ) > 0:
		l.difference(t.differ[0], t.ends)
		return
	}
	l.seconds(t)
	if t.related != nil && r.state == stateNew && l.helpers {
		l.compareOther(run{state: stateRelated}, l.because(r, t.related, func(m *machine) *oldconfig.Rule { return m.related }), "it depends on state RELATED, which connections have that a helper of connection tracking expects: remove the rule that assigns the helper (CT --helper), as marks of the passive range need none")
	}
	if t.reads != nil && r.state == stateEstablished && r.connMark == [2]uint32{} {
		l.compareConnMarks(r, l.because(r, t.reads, func(m *machine) *oldconfig.Rule { return m.readsConnMark }))
	}
}

// because returns origin for when it is needed: it runs all rules.
func (l *leaf) because(r run, equal *oldconfig.Rule, recorded func(*machine) *oldconfig.Rule) func() *oldconfig.Rule {
	return func() *oldconfig.Rule { return l.origin(r, equal, recorded) }
}

// origin returns the rule, as it is written, for which a machine has recorded an equal one.
func (l *leaf) origin(r run, equal *oldconfig.Rule, recorded func(*machine) *oldconfig.Rule) *oldconfig.Rule {
	for side := range l.sides {
		m := l.machine(r, side)
		m.follow(l.compiler, l.sides[side], l.packet(r))
		if rule := recorded(m); rule != nil {
			return rule
		}
	}
	return equal
}

// tally runs both sides under all assumptions about tests that are not understood.
func (l *leaf) tally(r run, t *tally) {
	var m [2]*machine
	var end [2]outcome
	for side := range m {
		m[side] = l.machine(r, side)
		end[side] = m[side].run(l.programs[side])
		if m[side].isEndless() {
			l.exceeded = true
			l.notProven(m[side].at, "chains jump to others too often", r)
			return
		}
		if q := m[side].asked; q != nil {
			l.assume(r, *q, t)
			return
		}
		t.related, t.reads = either(t.related, m[side].related), either(t.reads, m[side].readsConnMark)
		t.states = either(t.states, m[side].readsState)
	}
	same := l.same(end)
	if rule := l.opaqueRule(m, end, same); rule != nil {
		t.opaque = rule
	}
	if same {
		t.equal++
		l.group(end, r)
		l.tallySecond(r, m, end, t)
		return
	}
	if len(t.differ) == 0 {
		t.ends = end
	}
	t.differ = append(t.differ, r)
}

// tallySecond compares the second packet of a connection, before and after an answer.
func (l *leaf) tallySecond(r run, m [2]*machine, end [2]outcome, t *tally) {
	if (l.programs[0].uses|l.programs[1].uses)&testsState == 0 || l.kind != first || r.isSecond || r.state != stateNew || !l.path.toLocal || !end[0].looksUpSecond(l.tracks) {
		return
	}
	for _, state := range []int{stateNew, stateEstablished} {
		next := r
		next.isSecond, next.state, next.connMark = true, state, [2]uint32{m[0].connMark, m[1].connMark}
		if state == stateNew && next.connMark == r.connMark {
			continue
		}
		var second tally
		l.tally(next, &second)
		if len(second.differ) > 0 || second.opaque != nil || second.tooMany != nil {
			t.second = append(t.second, secondRun{next, either(either(second.states, second.reads), second.opaque)})
		}
	}
}

// A secondRun is a second packet for which the sides may differ.
type secondRun struct {
	run
	because *oldconfig.Rule
}

// seconds records that nothing is proven of second packets.
func (l *leaf) seconds(t tally) {
	for _, s := range t.second {
		because := l.because(s.run, s.because, func(m *machine) *oldconfig.Rule { return either(m.readsState, m.readsConnMark) })
		l.notProven(because(), "it treats a later packet of a connection as it does not the first one, and IPVS looks up its mark too", s.run)
	}
}

// opaqueRule returns a rule that is not understood and for which the ends are not known to be the
// same, or nil.
func (l *leaf) opaqueRule(m [2]*machine, end [2]outcome, same bool) *oldconfig.Rule {
	rule := either(m[0].opaqueRule, m[1].opaqueRule)
	if rule != nil && (end[0].opaque != end[1].opaque || !l.agree() || m[0].testsUnknown || m[1].testsUnknown ||
		!same && (m[0].markUnknown || m[1].markUnknown)) {
		return rule
	}
	return nil
}

// unknown returns why the result of a test is not known.
func (d *dynamicTest) unknown() string {
	if d.reason != "" {
		return d.reason
	}
	return "its condition is not understood: " + d.text
}

func either(a, b *oldconfig.Rule) *oldconfig.Rule {
	if a != nil {
		return a
	}
	return b
}

func (l *leaf) assume(r run, q question, t *tally) {
	if l.assumed++; len(r.assumed) == maxAssumptions || l.assumed > maxAssumed {
		t.tooMany = q.dynamicTest
		return
	}
	t.tested = append(t.tested, q.dynamicTest)
	for _, holds := range []bool{false, true} {
		next := r
		next.assumed = maps.Clone(r.assumed)
		if next.assumed == nil {
			next.assumed = map[question]bool{}
		}
		next.assumed[q] = holds
		l.tally(next, t)
	}
}

// same reports whether both sides do the same. IPVS knows the connection of a later packet,
// so only what drops it matters.
func (l *leaf) same(end [2]outcome) bool {
	switch l.kind {
	case later:
		return (end[0].fate == dropped) == (end[1].fate == dropped)
	case answer:
		for side := range end {
			end[side] = end[side].ofAnswer()
		}
	}
	return end[0].same(end[1])
}

// ofAnswer returns the outcome of a SYN and ACK. With nat, answers to active data have the
// destination of a real server after the translation, so one to a VIP answers nothing.
func (o outcome) ofAnswer() outcome {
	if o.fate == serving && o.by != nil && !slices.ContainsFunc(o.by.RealServers, func(r oldconfig.RealServer) bool {
		return r.Forwarding != config.NAT && !r.Disabled && !r.Fallback
	}) {
		return outcome{fate: passes, translated: o.translated, opaque: o.opaque}
	}
	return o
}

// compareOther compares another start. If it differs, nothing is proven.
func (l *leaf) compareOther(r run, because func() *oldconfig.Rule, reason string) {
	var t tally
	l.tally(r, &t)
	if len(t.differ) > 0 || t.opaque != nil || t.tooMany != nil {
		l.notProven(because(), reason, r)
	}
}

// compareConnMarks compares marks that a connection may have had before.
func (l *leaf) compareConnMarks(r run, because func() *oldconfig.Rule) {
	const maxMarks = 64
	reason := "it depends on the mark of the connection, which an earlier packet has set"
	if l.manyMarks || len(l.marks[0])*len(l.marks[1]) > maxMarks*maxMarks {
		l.notProven(because(), reason, r)
		return
	}
	for _, before := range l.marks[0] {
		for _, after := range l.marks[1] {
			r.connMark = [2]uint32{before, after}
			l.compareOther(r, because, reason)
		}
	}
}

// group checks that templates of persistence join the same packets on both sides.
func (l *leaf) group(end [2]outcome, r run) {
	if end[0].group == "" || end[1].group == "" || l.kind == later || r.isSecond {
		return
	}
	for side := range end {
		mine, other := end[side].group, end[1-side].group
		known, ok := l.groups[side][mine]
		if !ok {
			l.groups[side][mine] = grouped{other, l.packet(r)}
			continue
		}
		if known.group != other {
			l.joinedDifference(side, known.packet, r, end)
		}
	}
}

package exact

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A machine runs a program for one packet, or for all packets that it treats equally. It is
// the only interpreter: Compare runs it with programs without tests of fields, Follow with
// complete ones and a packet.
type machine struct {
	packet   *Packet // nil: no test of a field is left
	values   [fields]oldconfig.Number
	mark     uint32
	connMark uint32
	state    int

	assumed map[question]bool // results of tests that are not understood
	asked   *question         // the first one without a result; the run is incomplete
	others  string            // which actions have changed properties that are not in the model

	server        *target // to which IPVS sends the packet; nil: it is not behind IPVS
	translated    bool
	rest          *program        // which follows the current chain, behind a translation
	readsConnMark *oldconfig.Rule // a rule that depends on the mark of the connection
	related       *oldconfig.Rule // a rule that treats state RELATED as it does not NEW
	readsState    *oldconfig.Rule // a rule that treats state ESTABLISHED as it does not NEW
	opaque        []string
	opaqueRule    *oldconfig.Rule
	markUnknown   bool       // a rule that is not understood may have set the mark
	testsUnknown  bool       // and a later rule has tested it
	observe       func(Step) // nil: nobody asks
	end           outcome
	hook          oldconfig.Hook
	late          bool            // the chain is behind connection tracking; ahead of it no packet has a connection
	at            *oldconfig.Rule // the current rule
	jumps         int
}

// A question is a test that is not understood, and the properties that it may depend on: rules of
// the two sides may have changed them in other ways.
type question struct {
	*dynamicTest
	mark, connMark uint32
	state          int
	others         string
}

func (m *machine) question(d *dynamicTest) question {
	q := question{dynamicTest: d}
	if d.reads&oldconfig.ReadsMark != 0 {
		q.mark, q.connMark = m.mark, m.connMark
	}
	if d.reads&oldconfig.ReadsConnection != 0 {
		q.state = m.stateNow()
	}
	if d.reads&oldconfig.ReadsOthers != 0 {
		q.others = m.others
	}
	return q
}

// maxJumps bounds the jumps of one packet: chains that jump to others several times multiply them.
const maxJumps = 1 << 20

func (m *machine) isEndless() bool { return m.jumps > maxJumps }

// A fate is what becomes of a packet.
type fate uint8

const (
	passes  fate = iota // IPVS does not take it
	dropped             // by a rule
	serving             // a service takes it
	refused             // a service takes it, and no real server can get it
)

// An outcome is what becomes of a packet, in a form that can be compared.
type outcome struct {
	fate       fate
	service    string // signature of the service
	group      string // see served.group
	translated string // to which address rules translate it
	sent       []sending
	mark       uint32 // of a packet that IPVS takes
	opaque     string // rules that are not understood, with the state before each
	by         *served
}

// same reports whether two outcomes are the same for client and server. Marks may differ.
func (o outcome) same(other outcome) bool {
	return o.fate == other.fate && o.service == other.service && o.translated == other.translated && o.opaque == other.opaque &&
		(o.group == "") == (other.group == "") && slices.Equal(o.sent, other.sent)
}

// A verdict is how a block ends.
type verdict uint8

const (
	continues verdict = iota // with the next rule of the chain before
	accepts                  // the base chain ends
	ends                     // the packet does not go on
)

// run runs the program. If asked is set afterwards, there is no result.
func (m *machine) run(p *program) outcome {
	m.end = outcome{}
	m.chains(p.ahead())
	if rest := m.rest; rest != nil && m.asked == nil {
		p, m.rest = rest, nil
		m.chains(p.ahead())
	}
	if behind := p.chains[len(p.ahead()):]; m.asked == nil && m.end.fate == serving && len(behind) > 0 {
		m.send(behind)
	}
	if m.asked != nil {
		return outcome{}
	}
	m.end.opaque = strings.Join(m.opaque, "; ")
	return m.end
}

// ahead returns the chains up to IPVS.
func (p *program) ahead() []baseChain {
	n := len(p.chains)
	for n > 0 && p.chains[n-1].sent {
		n--
	}
	return p.chains[:n]
}

// chains runs base chains, up to the one that ends the packet's way.
func (m *machine) chains(list []baseChain) {
	for i := range list {
		c := &list[i]
		m.late = c.late || c.sent
		if m.hook != c.hook {
			m.hook, m.translated = c.hook, false
		}
		if c.nat && (m.translated || m.state != stateNew && m.state != stateRelated) {
			continue
		}
		v := m.block(c.block)
		if m.asked != nil {
			return
		}
		if v == continues && c.drops {
			m.end, v = outcome{fate: dropped}, ends
			m.observeStep(Step{Effect: "drops", Hook: c.hook, Policy: true, Sent: m.server != nil})
		}
		if v == ends || m.rest != nil {
			return
		}
	}
}

func (m *machine) observeStep(s Step) {
	if m.observe != nil {
		m.observe(s)
	}
}

func (m *machine) block(b *block) verdict {
	for _, r := range m.rulesOf(b) {
		v, leaves := m.rule(r)
		if m.asked != nil || m.isEndless() {
			return ends
		}
		if leaves {
			return v
		}
	}
	return continues
}

// rule runs a rule. leaves reports whether the packet leaves the chain with the verdict.
func (m *machine) rule(r *rule) (v verdict, leaves bool) {
	m.at = r.origin
	for i := range r.segments {
		s := &r.segments[i]
		if !m.holds(s) {
			return continues, false
		}
		for _, a := range s.actions {
			if missed, v, leaves := m.act(a); missed || leaves {
				return v, leaves
			}
			m.at = r.origin // after a jump
			if m.asked != nil {
				return ends, true
			}
		}
	}
	return continues, false
}

func (m *machine) holds(s *segment) bool {
	if m.packet != nil {
		for _, t := range s.tests {
			if !t.values.contains(m.values[t.field]) {
				return false
			}
		}
	}
	for _, d := range s.dynamic {
		if !m.dynamic(d) || m.asked != nil {
			return false
		}
	}
	return true
}

func (m *machine) dynamic(d *dynamicTest) bool {
	switch d.field {
	case oldconfig.Mark:
		m.testsUnknown = m.testsUnknown || m.markUnknown
		return d.values.contains(number(uint64(m.mark & d.mask)))
	case oldconfig.ConnMark:
		if !m.hasConnection() {
			return false
		}
		m.readsConnMark = m.at
		return d.values.contains(number(uint64(m.connMark & d.mask)))
	case oldconfig.State:
		return m.stateHolds(d)
	case serverAddress, serverPort, serverForm:
		return m.server.fulfils(d)
	case tracked:
		if now := m.stateNow(); now != stateEstablished { // of either direction
			return now == stateNew || now == stateRelated
		}
	}
	q := m.question(d)
	holds, known := m.assumed[q]
	if !known {
		m.asked = &q
	}
	return holds
}

func (m *machine) stateHolds(d *dynamicTest) bool {
	now := m.stateNow()
	holds := d.values.contains(number(uint64(now)))
	if now == stateNew && holds != d.values.contains(number(stateRelated)) {
		m.related = m.at
	}
	if now == stateEstablished && holds != d.values.contains(number(stateNew)) {
		m.readsState = m.at
	}
	return holds
}

// act applies an action. missed: a map has no element, and the rule ends.
func (m *machine) act(a *action) (missed bool, v verdict, leaves bool) {
	switch a.Kind {
	case oldconfig.NoEffect:
		if a.ChangesOthers {
			m.others += fmt.Sprintf(" %d", a.id)
			return false, continues, false
		}
		return m.serve(a)
	case oldconfig.Accept:
		m.observeAction("accepts")
		return false, accepts, true
	case oldconfig.Return:
		return false, continues, true
	case oldconfig.Drop:
		m.end = outcome{fate: dropped}
		m.observeAction("drops")
		return false, ends, true
	case oldconfig.Jump, oldconfig.Goto:
		m.jumps++
		v := m.block(a.target)
		return false, v, v != continues || a.Kind == oldconfig.Goto
	case oldconfig.TranslateDestination, oldconfig.TranslateSource:
		m.translate(a)
		return false, accepts, true
	}
	return m.change(a), continues, false
}

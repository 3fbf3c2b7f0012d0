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

	assumed map[int]bool // results of tests that are not understood, by dynamicTest.id
	asked   *dynamicTest // the first one without a result; the run is incomplete

	translated    bool
	readsConnMark *oldconfig.Rule // a rule that depends on the mark of the connection
	related       *oldconfig.Rule // a rule that treats state RELATED as it does not NEW
	opaque        []string
	opaqueRule    *oldconfig.Rule
	observe       func(Step) // nil: nobody asks
	end           outcome
	hook          oldconfig.Hook
	at            *oldconfig.Rule // the current rule
}

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
	mark       uint32 // of a packet that IPVS takes
	opaque     string // rules that are not understood, with the state before each
	by         *served
}

// same reports whether two outcomes are the same for client and server. Marks may differ.
func (o outcome) same(other outcome) bool {
	return o.fate == other.fate && o.service == other.service && o.translated == other.translated && o.opaque == other.opaque &&
		(o.group == "") == (other.group == "")
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
	for i := range p.chains {
		c := &p.chains[i]
		if m.hook != c.hook {
			m.hook, m.translated = c.hook, false
		}
		if c.nat && (m.translated || m.state != stateNew && m.state != stateRelated) {
			continue
		}
		v := m.block(c.block)
		if m.asked != nil {
			return outcome{}
		}
		if v == continues && c.drops {
			m.end.fate, v = dropped, ends
			m.observeStep(Step{Effect: "drops", Hook: c.hook, Policy: true})
		}
		if v == ends {
			break
		}
	}
	m.end.opaque = strings.Join(m.opaque, "; ")
	return m.end
}

func (m *machine) observeStep(s Step) {
	if m.observe != nil {
		m.observe(s)
	}
}

func (m *machine) block(b *block) verdict {
	for _, r := range b.rules {
		v, leaves := m.rule(r)
		if m.asked != nil {
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
		return d.values.contains(number(uint64(m.mark & d.mask)))
	case oldconfig.ConnMark:
		m.readsConnMark = m.at
		return d.values.contains(number(uint64(m.connMark & d.mask)))
	case oldconfig.State:
		holds := d.values.contains(number(uint64(m.state)))
		if m.state == stateNew && holds != d.values.contains(number(stateRelated)) {
			m.related = m.at
		}
		return holds
	}
	holds, known := m.assumed[d.id]
	if !known {
		m.asked = d
	}
	return holds
}

// act applies an action. missed: a map has no element, and the rule ends.
func (m *machine) act(a *action) (missed bool, v verdict, leaves bool) {
	switch a.Kind {
	case oldconfig.NoEffect:
		return m.serve(a)
	case oldconfig.Accept:
		m.observeAction("accepts")
		return false, accepts, true
	case oldconfig.Return:
		return false, continues, true
	case oldconfig.Drop:
		m.end.fate = dropped
		m.observeAction("drops")
		return false, ends, true
	case oldconfig.Jump, oldconfig.Goto:
		v := m.block(a.target)
		return false, v, v != continues || a.Kind == oldconfig.Goto
	case oldconfig.TranslateDestination, oldconfig.TranslateSource:
		m.translate(a)
		return false, accepts, true
	case oldconfig.Opaque:
		m.opaque = append(m.opaque, fmt.Sprintf("%d: %d %d %d", a.id, m.mark, m.connMark, m.state))
		m.opaqueRule = a.origin
		m.observeAction("does something that is not understood")
		return false, continues, false
	case oldconfig.Untrack:
		m.state = stateUntracked
		m.observeAction("ends tracking")
		return false, continues, false
	}
	return m.setMark(a), continues, false
}

// setMark applies actions that change a mark. missed: the packet's address has no mark.
func (m *machine) setMark(a *action) (missed bool) {
	switch a.Kind {
	case oldconfig.SetMark:
		to := m.mark&a.And ^ a.Xor
		if a.byAddr != nil {
			of, ok := markOf(a.byAddr, m.values[destination])
			if !ok {
				return true
			}
			to = of
		}
		m.changeMark(to)
	case oldconfig.SetConnMark:
		m.connMark = m.connMark&a.And ^ a.Xor
	case oldconfig.SaveMark:
		m.connMark = m.connMark&a.And ^ m.mark&a.Mask
	case oldconfig.RestoreMark:
		if m.readsConnMark == nil {
			m.readsConnMark = m.at
		}
		m.changeMark(m.mark&a.And ^ m.connMark&a.Mask)
	}
	return false
}

func (m *machine) changeMark(to uint32) {
	m.mark = to
	if m.observe != nil {
		m.observeAction("sets the mark to " + markText(to))
	}
}

func markText(mark uint32) string {
	if mark > 0xffff {
		return fmt.Sprintf("%#x", mark)
	}
	return fmt.Sprint(mark)
}

func (m *machine) observeAction(effect string) {
	if m.observe != nil {
		m.observe(Step{Effect: effect, Rule: m.at, Hook: m.hook})
	}
}

// markOf returns the mark of an address in a sorted map.
func markOf(list []oldconfig.MarkOf, addr oldconfig.Number) (uint32, bool) {
	i, found := slices.BinarySearchFunc(list, addr, func(e oldconfig.MarkOf, n oldconfig.Number) int {
		switch {
		case e.Destination.High.Compare(n) < 0:
			return -1
		case e.Destination.Low.Compare(n) > 0:
			return 1
		}
		return 0
	})
	if !found {
		return 0, false
	}
	return list[i].Mark, true
}

func (m *machine) translate(a *action) {
	m.translated = true
	to := describeTranslation(a)
	if a.Kind == oldconfig.TranslateSource && m.hook != oldconfig.Postrouting {
		return
	}
	m.end.translated = to
	m.observeAction("translates the packet: " + to)
}

func describeTranslation(a *action) string {
	kind := "destination"
	if a.Kind == oldconfig.TranslateSource {
		kind = "source"
		if len(a.To) == 0 {
			return "source becomes the address of the device"
		}
	}
	var text strings.Builder
	text.WriteString(kind + " becomes")
	for _, r := range a.To {
		text.WriteString(" " + rangeText(r))
	}
	for _, r := range a.ToPorts {
		text.WriteString(fmt.Sprintf(" port %d-%d", r.Low.Low, r.High.Low))
	}
	return text.String()
}

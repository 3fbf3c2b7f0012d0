package firewall

import (
	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/nft"
)

// A loader makes rules of those of nft, for one space. It follows what registers hold:
// the steps of a rule know nothing of them.
type loader struct {
	space  *space
	family nft.Family // of the table
	known  map[nft.Expression]expr.Any

	conditions map[string]step

	// Of the rule at hand.
	registers  [registers]*value // nil: never filled
	steps      []step
	slots      int  // answers of maps so far
	acts       bool // a step does something
	impossible bool // no packet goes on
}

// knownExpressions bounds how many expressions a loader keeps decoded: rules have most
// of them in common.
const knownExpressions = 1024

func newLoader(s *space) *loader {
	return &loader{space: s, known: map[nft.Expression]expr.Any{}, conditions: map[string]step{}}
}

func (l *loader) add(s step) {
	l.steps = append(l.steps, s)
	switch s := s.(type) {
	case match:
	case ask:
		l.acts = l.acts || s.answers
	default:
		l.acts = true
	}
}

// under adds a condition that may hold or not. Rules have most of them in common.
func (l *loader) under(name string) {
	c, ok := l.conditions[name]
	if !ok {
		c = condition{name}
		l.conditions[name] = c
	}
	l.steps = append(l.steps, c)
}

func (l *loader) match(v value, t test) {
	l.impossible = !l.space.mayHold(v, t)
	l.add(match{v, t})
}

func (l *loader) typed(e nft.Expression) expr.Any {
	if typed, ok := l.known[e]; ok {
		return typed
	}
	typed := e.Typed(l.family)
	if len(l.known) < knownExpressions {
		l.known[e] = typed
	}
	return typed
}

// at is the value of a register.
func (l *loader) at(register uint32) value {
	if slot, ok := nft.RegisterSlot(register); ok && l.registers[slot] != nil {
		return *l.registers[slot]
	}
	return opaqueValue("", 0)
}

func (l *loader) fill(register uint32, v value) {
	if slot, ok := nft.RegisterSlot(register); ok {
		l.registers[slot] = &v
	}
}

package firewall

import (
	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// A loader translates nft rules to rules for one space. It tracks the values of
// registers, so that steps do not need registers.
type loader struct {
	space      *space
	family     nft.Family                  // of the table
	typedCache map[nft.Expression]expr.Any // shared

	conditions map[string]step // by name

	// exact: values have an origin, and rules that no packet of the space matches are loaded
	// too. See Chains.
	exact bool

	// Of the current rule.
	registers  [registers]*value // nil: never filled; valid until the next rule
	values     [registers]value  // that registers point to
	steps      []step            // reused by the next rule
	slots      int               // used for answers of maps
	hasEffect  bool              // a step has an effect on packets
	impossible bool              // no packet of the space matches

	reads        oldconfig.Reads // what matches may depend on
	setsConnMark bool            // of the current rule: a step sets the mark of the connection

	shared map[string][]step // see newRule
	key    []byte            // reused
}

// maxTyped bounds the decoded expressions that loaders keep. Rules share most of them, and
// the loaders of a reader load the same rule one after the other.
const maxTyped = 1024

func newLoader(s *space, typed map[nft.Expression]expr.Any) *loader {
	return &loader{space: s, typedCache: typed, conditions: map[string]step{}, shared: map[string][]step{}}
}

func (l *loader) add(s step) {
	l.steps = append(l.steps, s)
	switch s := s.(type) {
	case match:
	case ctMarkSet:
		l.setsConnMark = true
	case lookup:
		l.hasEffect = l.hasEffect || s.isMap
	default:
		l.hasEffect = true
	}
}

// addCondition adds a condition that may hold or not. Rules share most of them.
func (l *loader) addCondition(name string) {
	c, ok := l.conditions[name]
	if !ok {
		c = condition{name}
		l.conditions[name] = c
	}
	l.steps = append(l.steps, c)
}

func (l *loader) match(v value, t test) {
	if v.isUnknown() && !l.exact {
		l.addCondition(nameOf(v.tested(t)))
		return
	}
	l.impossible = !l.exact && !l.space.mayHold(v, t)
	if l.impossible && !l.hasEffect {
		return // as load drops the rule
	}
	l.add(match{v, t})
}

func (l *loader) typed(e nft.Expression) expr.Any {
	if e.Name == "cmp" {
		return e.Typed(l.family) // fast, and rules share few of them
	}
	if typed, ok := l.typedCache[e]; ok {
		return typed
	}
	typed := e.Typed(l.family)
	if len(l.typedCache) == maxTyped {
		clear(l.typedCache)
	}
	l.typedCache[e] = typed
	return typed
}

// at returns the value of a register.
func (l *loader) at(register uint32) value {
	if slot, ok := nft.RegisterSlot(register); ok && l.registers[slot] != nil {
		return *l.registers[slot]
	}
	return opaqueValue("", 0)
}

func (l *loader) fill(register uint32, v value) {
	if slot, ok := nft.RegisterSlot(register); ok {
		l.values[slot] = v
		l.registers[slot] = &l.values[slot]
	}
}

// changesOthers adds a change of a property that is not in the model of package exact.
func (l *loader) changesOthers(name string) {
	if l.exact {
		l.add(otherChange{name})
	}
}

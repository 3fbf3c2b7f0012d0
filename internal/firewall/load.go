package firewall

import (
	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/nft"
)

// registers is the number of registers of 32 bits.
const registers = nft.RegisterSlots

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

// load makes the rule; nil where no packet of the space comes to its end.
func (l *loader) load(family nft.Family, r *nft.Rule) *rule {
	l.family, l.registers, l.steps, l.slots, l.acts, l.impossible = family, [registers]*value{}, nil, 0, false, false
	for e := range r.All() {
		if l.expression(e); l.impossible {
			break
		}
	}
	if l.impossible && !l.acts {
		return nil
	}
	return &rule{handle: r.Handle, steps: l.steps, source: r}
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
	if slot, ok := nft.Slot(register); ok && l.registers[slot] != nil {
		return *l.registers[slot]
	}
	return opaqueValue("", 0)
}

func (l *loader) fill(register uint32, v value) {
	if slot, ok := nft.Slot(register); ok {
		l.registers[slot] = &v
	}
}

func (l *loader) expression(e nft.Expression) {
	switch e.Name {
	case "counter", "log", "last", "notrack", "dup", "flow_offload", "secmark":
	case "limit", "quota", "connlimit", "dynset":
		l.under(e.Name)
	case "masq":
		l.add(verdict{kind: expr.VerdictAccept})
	case "match":
		l.extensionMatch(e)
	case "target":
		l.extensionTarget(e)
	case "redir":
		l.add(taking{effect: Redirects, ends: true})
	case "reject":
		l.add(taking{effect: Rejects, ends: true})
	case "queue":
		l.add(taking{effect: Queues, ends: true})
	case "fwd":
		l.add(taking{effect: Forwards, ends: true})
	case "synproxy":
		l.add(taking{effect: Proxies, ends: true})
	case "tproxy":
		l.add(taking{effect: Proxies})
	case "cmp", "range":
		if v := l.at(e.Reads()); v.kind == opaque {
			l.under(nameOf(v)) // whatever it is compared with
			return
		}
		l.typedExpression(e, l.typed(e))
	case "numgen", "hash", "exthdr", "rt", "socket", "osf", "tunnel", "xfrm", "inner":
		l.other(e)
	default:
		l.typedExpression(e, l.typed(e))
	}
}

func (l *loader) typedExpression(e nft.Expression, typed expr.Any) {
	switch typed := typed.(type) {
	case *expr.Cmp:
		l.compare(typed)
	case *expr.Range:
		l.inRange(typed)
	case *expr.Lookup:
		l.lookup(typed)
	case *expr.Verdict:
		if typed.Kind != expr.VerdictContinue {
			l.add(verdict{typed.Kind, typed.Chain})
		}
	case *expr.Immediate:
		l.fill(typed.Register, constantValue("", typed.Data))
	case *expr.Bitwise:
		l.fill(typed.DestRegister, l.at(typed.SourceRegister).masked(typed.Mask, typed.Xor))
	case *expr.Byteorder:
		l.fill(typed.DestRegister, l.at(typed.SourceRegister).changed(byteorder(int(typed.Size))))
	case *expr.Meta:
		l.meta(typed)
	case *expr.Payload:
		l.payload(typed)
	case *expr.Ct:
		l.conntrack(typed)
	case *expr.Fib:
		l.fib(typed)
	case *expr.NAT:
		l.nat(typed)
	case *expr.Objref:
		l.object(nft.ObjectKind(uint32(typed.Type)))
	default:
		l.opaque(e)
	}
}

// opaque is for expressions of which the kernel's name is all that is known.
func (l *loader) opaque(e nft.Expression) {
	register, fills := e.Fills()
	switch {
	case e.Name == "objref":
		l.object("")
	case e.Name == "cmp" || e.Name == "range" || e.Name == "lookup" && !fills:
		l.under("what [" + e.Name + "] is")
	case fills && e.Name != "immediate" && e.Name != "lookup":
		name := e.Name
		if e.Name == "bitwise" || e.Name == "byteorder" {
			name = l.at(e.Reads()).name
		}
		l.fill(register, opaqueValue(name, 4))
	case e.Name == "ct":
	case e.Name == "nat":
		l.add(taking{effect: Redirects, ends: true})
	default:
		l.add(taking{effect: Unknown, unsure: "what [" + e.Name + "] is"})
	}
}

// other is for expressions of which nothing can be known beforehand.
func (l *loader) other(e nft.Expression) {
	register, fills := e.Fills()
	size := 4
	switch {
	case e.Name == "inner":
		register, size = 1, 16
	case !fills:
		if e.Name != "exthdr" { // it may write
			l.add(taking{effect: Unknown, unsure: "what [" + e.Name + "] is"})
		}
		return
	}
	v := opaqueValue(e.Name, size)
	l.fill(register, v)
	if e.Name != "numgen" && e.Name != "hash" {
		// The rule ends here for packets that have no such thing.
		l.under(nameOf(v))
	}
}

// object is a named object; limits stop packets.
func (l *loader) object(kind string) {
	switch kind {
	case "":
		l.under("an object")
	case "quota", "limit", "connlimit":
		l.under(kind)
	}
}

func (l *loader) nat(e *expr.NAT) {
	if e.Type == expr.NATTypeDestNAT {
		l.add(taking{effect: Redirects, ends: true})
		return
	}
	l.add(verdict{kind: expr.VerdictAccept})
}

func (l *loader) compare(e *expr.Cmp) {
	v, t := l.at(e.Register), test{}
	within := func(low, high []byte, ok bool) {
		if ok {
			t.within = []interval{{low, high}}
		}
	}
	switch e.Op {
	case expr.CmpOpEq, expr.CmpOpNeq:
		within(e.Data, e.Data, true)
		t.inverse = e.Op == expr.CmpOpNeq
	case expr.CmpOpLt:
		below, ok := nft.Before(e.Data)
		within(filled(len(e.Data), 0), below, ok)
	case expr.CmpOpLte:
		within(filled(len(e.Data), 0), e.Data, true)
	case expr.CmpOpGt:
		above, ok := nft.After(e.Data)
		within(above, filled(len(e.Data), 0xff), ok)
	case expr.CmpOpGte:
		within(e.Data, filled(len(e.Data), 0xff), true)
	}
	l.match(v, t)
}

func (l *loader) inRange(e *expr.Range) {
	v := l.at(e.Register)
	if len(e.FromData) != len(e.ToData) {
		l.under(nameOf(v))
		return
	}
	l.match(v, test{within: []interval{{e.FromData, e.ToData}}, inverse: e.Op == expr.CmpOpNeq})
}

// lookup asks a set, a map or a verdict map.
func (l *loader) lookup(e *expr.Lookup) {
	a := ask{set: e.SetName, inverse: e.Invert, answers: e.IsDestRegSet, slot: l.slots}
	if slot, ok := nft.Slot(e.SourceRegister); ok {
		row := l.registers[slot:]
		for len(row) > 0 && row[len(row)-1] == nil {
			row = row[:len(row)-1]
		}
		a.row = append(a.row, row...)
	}
	if e.IsDestRegSet {
		l.slots++
		l.fill(e.DestRegister, value{kind: answer, name: "map @" + e.SetName, slot: a.slot, size: registers * 4})
	}
	l.add(a)
}

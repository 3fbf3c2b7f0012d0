package firewall

import (
	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/nft"
)

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
		if v := l.at(e.SourceRegister()); v.kind == opaque {
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
	register, fills := e.DestRegister()
	switch {
	case e.Name == "objref":
		l.object("")
	case e.Name == "cmp" || e.Name == "range" || e.Name == "lookup" && !fills:
		l.under("what [" + e.Name + "] is")
	case fills && e.Name != "immediate" && e.Name != "lookup":
		name := e.Name
		if e.Name == "bitwise" || e.Name == "byteorder" {
			name = l.at(e.SourceRegister()).name
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
	register, fills := e.DestRegister()
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
		below, ok := nft.Predecessor(e.Data)
		within(filled(len(e.Data), 0), below, ok)
	case expr.CmpOpLte:
		within(filled(len(e.Data), 0), e.Data, true)
	case expr.CmpOpGt:
		above, ok := nft.Successor(e.Data)
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
	if slot, ok := nft.RegisterSlot(e.SourceRegister); ok {
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

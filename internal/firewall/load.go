package firewall

import (
	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// load translates the rule. It returns nil if no packet of the space can match the rule, or
// if the rule changes nothing.
func (l *loader) load(family nft.Family, r *nft.Rule) *rule {
	l.family, l.registers, l.steps, l.slots, l.hasEffect, l.impossible = family, [registers]*value{}, l.steps[:0], 0, false, false
	l.setsConnMark, l.reads = false, 0
	for e := range r.All() {
		if l.expression(e); l.impossible {
			break
		}
	}
	if !l.hasEffect && (l.impossible || !l.setsConnMark && !l.exact) {
		return nil
	}
	loaded := l.newRule(r.Handle, r)
	loaded.reads = l.reads
	return loaded
}

func (l *loader) expression(e nft.Expression) {
	switch e.Name {
	case "counter", "log", "last", "dup", "secmark":
	case "notrack":
		l.add(notrack{})
	case "flow_offload":
		l.add(offload{})
	case "limit", "quota":
		l.addCondition(e.Name)
	case "connlimit":
		l.addCondition(ctCount)
	case "dynset":
		l.addCondition(setUpdate)
	case "masq":
		l.masquerade(e)
	case "match":
		l.extensionMatch(e)
	case "target":
		l.extensionTarget(e)
	case "redir":
		l.add(interception{effect: Redirects, ends: true, to: l.redirection(e)})
	case "reject":
		l.add(interception{effect: Rejects, ends: true})
	case "queue":
		l.queue(e.QueueBypass())
	case "fwd":
		l.add(interception{effect: Forwards, ends: true})
	case "synproxy":
		l.synproxy()
	case "tproxy":
		l.transparentProxy(e)
	case "cmp", "range":
		if v := l.at(e.SourceRegister()); !l.exact && v.isUnknown() && !v.ofClient {
			l.addCondition(nameOf(v)) // the other operand does not matter
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
		v := l.at(typed.SourceRegister).changed(byteorder(int(typed.Size)))
		v.what, v.loaded = v.what.reordered(), nil
		l.fill(typed.DestRegister, v)
	case *expr.Meta:
		l.meta(typed)
	case *expr.Payload:
		if typed.OperationType == expr.PayloadWrite {
			l.write(typed)
			return
		}
		l.payload(typed)
	case *expr.Ct:
		l.conntrack(typed)
	case *expr.Fib:
		l.fib(typed)
	case *expr.NAT:
		l.nat(typed)
	case *expr.Objref:
		l.object(nft.ObjectKind(uint32(typed.Type)), typed.Name)
	default:
		l.opaque(e)
	}
}

// opaque loads an expression of which only the name is known.
func (l *loader) opaque(e nft.Expression) {
	register, fills := e.DestRegister()
	switch {
	case e.Name == "objref":
		l.objects(e.ObjectMap())
	case e.Name == "cmp" || e.Name == "range" || e.Name == "lookup" && !fills:
		l.addCondition(unknownExpression(e))
	case fills && e.Name != "immediate" && e.Name != "lookup":
		name := e.Name
		if e.Name == "bitwise" || e.Name == "byteorder" {
			name = l.at(e.SourceRegister()).name
		}
		l.fill(register, opaqueValue(name, 4))
	case e.Name == "ct":
		l.add(ctMarkSet{}) // perhaps
	case e.Name == "nat":
		l.add(interception{effect: Redirects, ends: true})
	default:
		l.add(interception{effect: Unknown, condition: unknownExpression(e)})
	}
}

func unknownExpression(e nft.Expression) string { return unknownPrefix + e.Name + "]" }

// other loads an expression whose result is unknown in advance.
func (l *loader) other(e nft.Expression) {
	if l.exact && e.Name == "socket" {
		l.socket(e)
		return
	}
	register, fills := e.DestRegister()
	size := 4
	switch {
	case e.Name == "inner":
		register, size = 1, 16
	case !fills:
		switch {
		case e.Name != "exthdr":
			l.add(interception{effect: Unknown, condition: unknownExpression(e)})
		case l.exact: // it writes to an option of TCP; for other packets the rule ends (nft_exthdr_tcp_set_eval)
			l.match(l.protocolValue(), ofTCP)
			l.changesOthers(e.Name)
		}
		return
	}
	if e.Name == "exthdr" || e.Name == "inner" || e.Name == "osf" {
		l.reads |= oldconfig.ReadsOthers
	}
	v := opaqueValue(e.Name, size)
	if h, ok := l.typed(e).(*expr.Exthdr); ok && h.Op == expr.ExthdrOpTcpopt {
		v.name = "tcp option"
	}
	l.fill(register, v)
	if e.Name != "numgen" && e.Name != "hash" {
		// The rule does not match packets without it.
		l.addCondition(nameOf(v))
	}
}

// object loads a reference to a named object. Quotas and limits match some packets only.
func (l *loader) object(kind, name string) {
	switch kind {
	case "quota", "limit":
		l.addCondition(kind)
	case "connlimit":
		l.addCondition(ctCount)
	case synproxyObject:
		l.synproxy()
	case ctHelper:
		if l.exact {
			l.add(helperAssignment{object: name})
		}
	}
}

// objects loads a reference to the objects of a map; empty: the map is not known.
func (l *loader) objects(name string) {
	switch {
	case name == "":
		l.addCondition("an object")
	case l.exact:
		l.addCondition("an object")
		l.add(helperAssignment{objects: name})
	default:
		l.add(objectOfMap{name})
	}
}

// synproxy loads a proxy of TCP: other packets end the rule (nft_synproxy_do_eval).
func (l *loader) synproxy() {
	l.match(l.protocolValue(), ofTCP)
	l.add(interception{effect: Proxies, ends: true})
}

// transparentProxy loads tproxy. The rule ends without a socket of the proxy, and for packets of
// another family than that of the statement (nft_tproxy_eval).
func (l *loader) transparentProxy(e nft.Expression) {
	if !l.exact && l.space.isOther(e.ProxyFamily()) {
		l.impossible = true
		return
	}
	l.add(interception{effect: Proxies, condition: "the socket of the proxy"})
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
		l.addCondition(nameOf(v))
		return
	}
	l.match(v, test{within: []interval{{e.FromData, e.ToData}}, inverse: e.Op == expr.CmpOpNeq})
}

// lookup loads a lookup in a set, a map or a verdict map.
func (l *loader) lookup(e *expr.Lookup) {
	step := lookup{set: e.SetName, inverse: e.Invert, isMap: e.IsDestRegSet, slot: l.slots}
	if slot, ok := nft.RegisterSlot(e.SourceRegister); ok {
		key := l.registers[slot:]
		for len(key) > 0 && key[len(key)-1] == nil {
			key = key[:len(key)-1]
		}
		for _, v := range key {
			if v != nil {
				v = new(*v)
			}
			step.key = append(step.key, v)
		}
	}
	if e.IsDestRegSet {
		l.slots++
		l.fill(e.DestRegister, value{kind: answer, name: "map @" + e.SetName, slot: step.slot, size: registers * 4})
	}
	l.add(step)
}

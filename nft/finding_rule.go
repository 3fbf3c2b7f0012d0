package nft

import (
	"bytes"
	"encoding/binary"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// follow takes packets through the expressions of a rule. What the rule does to
// them is reported; where they go afterwards is returned.
func (w *walk) follow(c *foreignChain, r *Rule, alive []part, conditions []string) []outcome {
	branches := make([]branch, len(alive))
	for i, p := range alive {
		branches[i] = branch{part: p, unsure: conditions}
	}
	var ended []outcome
expressions:
	for expression := range r.All() {
		e := rawOf(expression)
		var next []branch
		for _, b := range branches {
			w.steps += 1 + len(b.vips)/64
			if w.spent() {
				break expressions
			}
			on, out := w.expression(c, r, b, e)
			next = append(next, on...)
			ended = append(ended, out...)
		}
		branches = next
	}
	for _, b := range branches {
		ended = append(ended, outcome{branch: b})
	}
	return ended
}

// expression is one expression of a rule for one branch: the branches that go
// on to the next expression, and those that leave the rule with a verdict.
func (w *walk) expression(c *foreignChain, r *Rule, b branch, e rawExpression) ([]branch, []outcome) {
	switch e.name {
	case "cmp":
		return w.compare(b, e), nil
	case "range":
		return w.inRange(b, e), nil
	case "lookup":
		return w.lookup(c, r, b, e)
	case "match":
		return w.xtMatch(b, e), nil
	case "immediate":
		if code, chain, ok := dataVerdict(e.attrs[unix.NFTA_IMMEDIATE_DATA]); ok {
			if code == expr.VerdictContinue {
				return []branch{b}, nil
			}
			return nil, []outcome{w.decided(c, r, b, code, chain)}
		}
		b.load(e.uint32(unix.NFTA_IMMEDIATE_DREG), constantValue("", dataValue(e.attrs[unix.NFTA_IMMEDIATE_DATA])))
		return []branch{b}, nil
	case "limit", "quota", "connlimit", "dynset":
		return []branch{b.under(e.name)}, nil
	case "objref":
		return []branch{underObject(b, e)}, nil
	}
	if w.loads(&b, e) {
		return []branch{b}, nil
	}
	return w.statement(c, r, b, e)
}

// underObject is the branch behind a named object; limits stop packets.
func underObject(b branch, e rawExpression) branch {
	const nftaObjrefType = 1
	switch kind := objectNames[e.uint32(nftaObjrefType)]; kind {
	case "":
		return b.under("an object")
	case "quota", "limit", "connlimit":
		return b.under(kind)
	}
	return b
}

func (w *walk) compare(b branch, e rawExpression) []branch {
	data := dataValue(e.attrs[unix.NFTA_CMP_DATA])
	v := b.at(e.uint32(unix.NFTA_CMP_SREG))
	zero, ones := bytes.Repeat([]byte{0}, len(data)), bytes.Repeat([]byte{0xff}, len(data))
	t := test{}
	within := func(low, high []byte, ok bool) {
		if ok {
			t.within = []interval{{low, high}}
		}
	}
	below, hasBelow := before(data)
	above, hasAbove := after(data)
	switch expr.CmpOp(e.uint32(unix.NFTA_CMP_OP)) {
	case expr.CmpOpEq:
		within(data, data, true)
	case expr.CmpOpNeq:
		within(data, data, true)
		t.inverse = true
	case expr.CmpOpLt:
		within(zero, below, hasBelow)
	case expr.CmpOpLte:
		within(zero, data, true)
	case expr.CmpOpGt:
		within(above, ones, hasAbove)
	case expr.CmpOpGte:
		within(data, ones, true)
	}
	return w.try(b, v, t)
}

func (w *walk) inRange(b branch, e rawExpression) []branch {
	from, to := dataValue(e.attrs[unix.NFTA_RANGE_FROM_DATA]), dataValue(e.attrs[unix.NFTA_RANGE_TO_DATA])
	v := b.at(e.uint32(unix.NFTA_RANGE_SREG))
	if len(from) != len(to) {
		return []branch{b.under(nameOf(v))}
	}
	return w.try(b, v, test{within: []interval{{from, to}}, inverse: e.uint32(unix.NFTA_RANGE_OP) == unix.NFT_RANGE_NEQ})
}

// loads does an expression that fills a register; false if it is another.
func (w *walk) loads(b *branch, e rawExpression) bool {
	switch e.name {
	case "bitwise":
		w.loadBitwise(b, e)
		return true
	case "byteorder":
		v := b.at(e.uint32(nftaByteorderSreg)).changed(byteorder(int(e.uint32(nftaByteorderSize))))
		b.load(e.uint32(nftaByteorderDreg), v)
		return true
	}
	load, known := map[string]func(rawExpression) (uint32, value){
		"meta": w.loadMeta, "payload": w.loadPayload, "ct": w.loadConntrack, "fib": w.loadFIB,
		"exthdr": w.loadOther, "rt": w.loadOther, "socket": w.loadOther, "osf": w.loadOther, "numgen": w.loadOther,
		"hash": w.loadOther, "tunnel": w.loadOther, "xfrm": w.loadOther, "inner": w.loadOther,
	}[e.name]
	if !known {
		return false
	}
	register, v := load(e)
	if register == 0 {
		return false // it writes
	}
	b.load(register, v)
	switch e.name {
	case "exthdr", "rt", "socket", "osf", "tunnel", "xfrm", "inner":
		// The rule ends here for packets that have no such thing.
		*b = b.under(nameOf(v))
	}
	return true
}

// Attributes that golang.org/x/sys/unix gives other names or lacks.
const (
	nftaByteorderSreg = 1
	nftaByteorderDreg = 2
	nftaByteorderSize = 5
	nftaBitwiseOp     = 6
)

func (w *walk) loadBitwise(b *branch, e rawExpression) {
	v := b.at(e.uint32(unix.NFTA_BITWISE_SREG))
	mask, xor := dataValue(e.attrs[unix.NFTA_BITWISE_MASK]), dataValue(e.attrs[unix.NFTA_BITWISE_XOR])
	if e.uint32(nftaBitwiseOp) != 0 || mask == nil {
		v = opaqueValue(nameOf(v), int(e.uint32(unix.NFTA_BITWISE_LEN)))
	}
	b.load(e.uint32(unix.NFTA_BITWISE_DREG), v.masked(mask, xor))
}

func hostUint32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

package nft

import (
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// statement is an expression that does something. What is done is reported if it
// keeps packets from IPVS or from their mark.
func (w *walk) statement(c *foreignChain, r *Rule, b branch, e rawExpression) ([]branch, []outcome) {
	switch e.name {
	case "meta":
		if e.uint32(unix.NFTA_META_KEY) == unix.NFT_META_MARK {
			return []branch{w.setMark(c, r, b, b.at(e.uint32(unix.NFTA_META_SREG)))}, nil
		}
	case "payload":
		if w.rewrites(e) {
			w.report(c, r, b, Redirects)
		}
	case "nat":
		if e.uint32(unix.NFTA_NAT_TYPE) == unix.NFT_NAT_DNAT {
			return w.taken(c, r, b, Redirects)
		}
		return nil, []outcome{{b, expr.VerdictAccept, "", true}}
	case "redir":
		return w.taken(c, r, b, Redirects)
	case "masq":
		return nil, []outcome{{b, expr.VerdictAccept, "", true}}
	case "reject":
		return w.taken(c, r, b, Rejects)
	case "queue":
		return w.taken(c, r, b, Queues)
	case "fwd":
		return w.taken(c, r, b, Forwards)
	case "tproxy":
		w.report(c, r, b, Proxies)
	case "synproxy":
		return w.taken(c, r, b, Proxies)
	case "target":
		return w.xtTarget(c, r, b, e)
	case "counter", "log", "last", "notrack", "dup", "ct", "exthdr", "flow_offload", "secmark":
	default:
		w.report(c, r, b.under("what ["+e.name+"] is"), Unknown)
	}
	return []branch{b}, nil
}

// taken reports that packets do not come to IPVS; they leave the chain.
func (w *walk) taken(c *foreignChain, r *Rule, b branch, effect Effect) ([]branch, []outcome) {
	w.report(c, r, b, effect)
	return nil, []outcome{{b, expr.VerdictDrop, "", true}}
}

// decided is a verdict.
func (w *walk) decided(c *foreignChain, r *Rule, b branch, code expr.VerdictKind, chain string) outcome {
	const queue, codeMask = 3, 0xff // NF_QUEUE, NF_VERDICT_MASK
	switch {
	case code == expr.VerdictDrop:
		w.report(c, r, b, Drops)
	case code > 0 && code&codeMask == queue:
		w.report(c, r, b, Queues)
		code = expr.VerdictDrop
	}
	return outcome{b, code, chain, true}
}

// setMark is the branch after its mark was set to the value. It is nobody's
// business before lvsmark's chain, which sets it anew.
func (w *walk) setMark(c *foreignChain, r *Rule, b branch, v value) branch {
	if w.hookPoint.side == beforeMarks {
		return b
	}
	changed := b.vips
	switch {
	case b.markLost:
	case v.kind == constant && len(v.bytes) == 4:
		changed = b.vips.without(marksWhere(b.part, func(m uint32) bool { return slices.Equal(markBytes(m), v.bytes) }))
	case v.kind == mark:
		changed = b.vips.without(marksWhere(b.part, func(m uint32) bool { return slices.Equal(markBytes(m), v.of(markBytes(m))) }))
	}
	if changed.empty() {
		return b
	}
	of := b
	of.vips = changed
	w.report(c, r, of, SetsMark)
	b.markLost = true
	return b
}

func marksWhere(p part, holds func(uint32) bool) bitset {
	where := make(bitset, len(p.vips))
	for i := range p.vips.each {
		if holds(p.marks[i]) {
			where.set(i)
		}
	}
	return where
}

// rewrites reports whether a payload expression changes where packets go.
func (w *walk) rewrites(e rawExpression) bool {
	base, offset, size := expr.PayloadBase(e.uint32(unix.NFTA_PAYLOAD_BASE)), e.uint32(unix.NFTA_PAYLOAD_OFFSET), e.uint32(unix.NFTA_PAYLOAD_LEN)
	overlaps := func(at, n uint32) bool { return offset < at+n && at < offset+size }
	switch base {
	case expr.PayloadBaseNetworkHeader:
		return overlaps(addrOffset(w.packets.family), addrLen(w.packets.family)) || overlaps(protocolOffset(w.packets.family), 1)
	case expr.PayloadBaseTransportHeader:
		return overlaps(2, 2)
	}
	return false
}

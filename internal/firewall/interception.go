package firewall

import (
	"encoding/binary"
	"slices"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"

	"github.com/lvsmark/lvsmark/nft"
)

// An interception keeps packets from IPVS, certainly or under a condition. If it ends the
// rule, the packets do not return to the chain.
type interception struct {
	effect    Effect
	condition string // unknown in advance; empty: the effect is certain
	ends      bool   // the rule, and the path of the packets
	bypass    bool   // without the condition, a rule that ends accepts the packets
	to        *natRange
}

// queueProgram is the condition of a queue that lets packets pass if no program reads it
// (nf_queue of net/netfilter/nf_queue.c).
const queueProgram = "the program of the queue"

// queue loads a queue with or without bypass.
func (l *loader) queue(bypass bool) {
	queue := interception{effect: Queues, ends: true, bypass: bypass}
	if bypass {
		queue.condition = queueProgram
	}
	l.add(queue)
	l.endChain()
}

// endChain loads, for package exact, that a packet that comes back from a program meets no further
// rule of the chain: it goes on as after accept (nf_reinject of net/netfilter/nfnetlink_queue.c).
func (l *loader) endChain() {
	if l.exact {
		l.add(verdict{kind: expr.VerdictAccept})
	}
}

// queueTarget loads struct xt_NFQ_info_v2 or xt_NFQ_info_v3, which have flags after two numbers; in
// version 2 the only flag is that of bypass.
func (l *loader) queueTarget(e nft.Expression) {
	const bypass, flagsAt = 1, 4 // NFQ_FLAG_BYPASS
	of, ok := l.typed(e).(*expr.Target)
	if !ok {
		l.queue(false)
		return
	}
	info, ok := of.Info.(*xt.Unknown)
	ok = ok && (of.Rev == 2 || of.Rev == 3) && len(*info) >= flagsAt+2
	l.queue(ok && binary.NativeEndian.Uint16((*info)[flagsAt:])&bypass != 0)
}

func (interception) decides() bool { return true }

func (t interception) take(w *walk, at place, branches []branch) (next []branch, ended []outcome) {
	effect := t.effect
	if effect == Redirects && w.hookPoint.hook == postrouting {
		effect = TranslatesSource // NETMAP of iptables
	}
	if t.to != nil && effect == Redirects && w.space.flow == toVIP {
		var kept []branch
		if branches, kept = w.redirected(t.to, branches); len(kept) > 0 {
			_, ended = verdict{kind: expr.VerdictAccept}.take(w, at, kept)
		}
	}
	for i, b := range branches {
		reported := b
		if t.condition != "" {
			reported = b.withConditions(t.condition)
		}
		w.report(at, reported, effect)
		switch {
		case t.bypass:
			ended = append(ended, outcome{branch: b, verdict: expr.VerdictAccept, ends: true})
		case t.ends:
			ended = append(ended, outcome{branch: b, verdict: expr.VerdictDrop, ends: true})
		case effect == Unknown: // the packets may have another verdict, or go on
			ended = append(ended, outcome{branch: reported, verdict: expr.VerdictAccept, ends: true})
		}
		branches[i] = reported
	}
	if t.ends {
		return nil, ended
	}
	return branches, ended
}

// An objectOfMap uses the stateful object that a map has for a key. A synproxy takes the packets of
// TCP, and the rule does not match others.
type objectOfMap struct{ name string }

func (objectOfMap) decides() bool { return true }

func (o objectOfMap) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	branches, _ = condition{"an object"}.take(w, at, branches)
	s, err := w.set(at.chain.table, o.name)
	if err != nil {
		w.fail(err)
		return nil, nil
	}
	if s == nil || s.head.ObjectKind() != synproxyObject {
		return branches, nil
	}
	tcp := match{value{kind: protocol, name: nft.MetaName(expr.MetaKeyL4PROTO), size: 1}, ofTCP}
	branches, _ = tcp.take(w, at, branches)
	return interception{effect: Proxies, ends: true}.take(w, at, branches)
}

// chosenAddress is the condition of a translation to a range that has the packet's address. The
// kernel chooses by a hash (find_best_ips_proto of net/netfilter/nf_nat_core.c).
const chosenAddress = "the address that the kernel chooses"

// redirected returns the packets to which a statement gives another destination, and those whose
// destination it keeps: it has their address, and no other port. The address of a device may be a
// VIP.
func (w *walk) redirected(to *natRange, branches []branch) (moved, kept []branch) {
	for _, b := range branches {
		resolve := func(v value) value { return w.resolve(&b, v) }
		switch {
		case !to.portChange().keeps(b.part, resolve):
			moved = append(moved, b)
		case to.toDevice:
			moved = append(moved, b.withConditions("the address of the device"))
		case to.low.size == 0 && !to.toNetwork:
			kept = append(kept, b)
		default:
			other, same := w.readdressed(b, to, resolve)
			moved, kept = append(moved, other...), append(kept, same...)
		}
	}
	return moved, kept
}

// readdressed splits a branch by whether a statement changes the destination address.
func (w *walk) readdressed(b branch, to *natRange, resolve func(value) value) (moved, kept []branch) {
	low, high := resolve(to.low), resolve(to.high)
	if high.size == 0 {
		high = low
	}
	size := w.space.size
	switch {
	case low.kind == perClass && low.size == size && (to.high.size == 0 || to.high.slot == to.low.slot) && !to.toNetwork:
		return w.splitByAddress(b, 0, low.byClass)
	case low.kind != constant || high.kind != constant || len(low.bytes) != size || len(high.bytes) != size:
		return []branch{b.withConditions(nameOf(low))}, nil
	}
	destination := value{kind: address, size: size}
	within := test{within: []interval{{low.bytes, high.bytes}}}
	inside := w.appendNarrowed(nil, b, destination, within)
	within.inverse = true
	moved = w.appendNarrowed(nil, b, destination, within)
	switch {
	case to.toNetwork:
		for _, b := range inside {
			other, same := w.splitByAddress(b, 0, func(class int) []byte { return inNetwork(w.space.lowOf(class), low.bytes, high.bytes) })
			moved, kept = append(moved, other...), append(kept, same...)
		}
	case slices.Equal(low.bytes, high.bytes):
		kept = inside
	default:
		for _, b := range inside {
			moved = append(moved, b.withConditions(chosenAddress))
		}
	}
	return moved, kept
}

// inNetwork returns the counterpart of an address in the network from low to high
// (nft_nat_setup_netmap of net/netfilter/nft_nat.c).
func inNetwork(address, low, high []byte) []byte {
	mapped := make([]byte, len(address))
	for i := range mapped {
		host := low[i] ^ high[i]
		mapped[i] = address[i]&host | low[i]&^host
	}
	return mapped
}

// splitByAddress splits a branch by whether bytes of the known address, from an offset on, differ
// from those of a function. Of a class of several addresses, it is not known.
func (w *walk) splitByAddress(b branch, offset int, bytes func(class int) []byte) (moved, kept []branch) {
	w.steps += len(b.classes)
	classes := [3]bitset{newBitset(w.space.count), newBitset(w.space.count), newBitset(w.space.count)}
	const other, same, unknown = 0, 1, 2
	for class := range b.classes.each {
		low, to := w.space.lowOf(class), bytes(class)
		switch {
		case !slices.Equal(low, w.space.highOf(class)) || len(to) > len(low)-offset:
			classes[unknown].set(class)
		case slices.Equal(low[offset:offset+len(to)], to):
			classes[same].set(class)
		default:
			classes[other].set(class)
		}
	}
	narrowed := func(set bitset) (list []branch) {
		for _, p := range b.within(set) {
			n := b
			n.part = p
			list = append(list, n)
		}
		return list
	}
	moved, kept = narrowed(classes[other]), narrowed(classes[same])
	for _, u := range narrowed(classes[unknown]) {
		moved = append(moved, u.withConditions("the address"))
	}
	return moved, kept
}

// A headerWrite writes a value into the header. It has an effect on packets that have another one.
type headerWrite struct {
	effect Effect
	value  value
	at     *expr.Payload
}

func (h headerWrite) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	for _, b := range branches {
		for _, changed := range h.changed(w, b) {
			w.report(at, changed, h.effect)
		}
	}
	return branches, nil
}

// changed returns the packets that get another value in the field.
func (h headerWrite) changed(w *walk, b branch) []branch {
	s := w.space
	knownAddress, knownPort := s.header().destination, uint32(2)
	if s.flow.leaves() {
		knownAddress, knownPort = s.header().source, 0
	}
	v := w.resolve(&b, h.value)
	offset, end := h.at.Offset, h.at.Offset+h.at.Len
	switch network := h.at.Base == expr.PayloadBaseNetworkHeader; {
	case network && offset >= knownAddress && end <= knownAddress+uint32(s.size):
		return h.changedAddress(w, b, v, int(offset-knownAddress))
	case h.at.Base == expr.PayloadBaseTransportHeader && offset == knownPort && h.at.Len == 2 && v.kind == port:
		return nil
	case h.at.Base == expr.PayloadBaseTransportHeader && offset == knownPort && h.at.Len == 2 && v.kind == constant && len(v.bytes) == 2:
		return w.narrow(b, value{kind: port, size: 2}, test{within: []interval{{v.bytes, v.bytes}}, inverse: true})
	}
	return []branch{b}
}

func (h headerWrite) changedAddress(w *walk, b branch, v value, offset int) (moved []branch) {
	switch {
	case v.kind == constant && uint32(len(v.bytes)) == h.at.Len:
		moved, _ = w.splitByAddress(b, offset, func(int) []byte { return v.bytes })
	case v.kind == perClass && uint32(v.size) == h.at.Len:
		moved, _ = w.splitByAddress(b, offset, v.byClass)
	case v.kind == address:
		moved, _ = w.splitByAddress(b, offset, func(class int) []byte { return v.apply(w.space.lowOf(class))[:h.at.Len] })
	case v.size == 0:
		return []branch{b}
	default:
		return []branch{b.withConditions(nameOf(v))}
	}
	return moved
}

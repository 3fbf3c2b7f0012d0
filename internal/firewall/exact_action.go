package firewall

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// action translates a step that acts on packets.
func (b *ruleTranslator) action(s step) oldconfig.Action {
	switch s := s.(type) {
	case verdict:
		return verdictAction(s.kind, s.chain)
	case markSet:
		return b.setMark(s.to)
	case ctMarkSet:
		return b.setConnMark(s)
	case markRestore:
		if m := s.exact; m != nil {
			return oldconfig.Action{Kind: oldconfig.RestoreMark, And: ^m.markMask, Mask: m.ctMask}
		}
	case notrack:
		return oldconfig.Action{Kind: oldconfig.Untrack}
	case sourceTranslation:
		return b.translation(oldconfig.TranslateSource, s.to)
	case interception:
		return b.interception(s)
	case otherChange:
		return oldconfig.Action{Kind: oldconfig.NoEffect, ChangesOthers: true, Text: s.name}
	case zoneSet:
		return opaqueAction("sets the zone of connection tracking")
	case unknownMark:
		return opaqueAction(s.name)
	}
	return opaqueAction(fmt.Sprintf("%T", s))
}

func opaqueAction(text string) oldconfig.Action {
	return oldconfig.Action{Kind: oldconfig.Opaque, Text: text}
}

func (b *ruleTranslator) interception(s interception) oldconfig.Action {
	switch s.effect {
	case Queues:
		return opaqueAction("gives the packet to a program (queue)")
	case Rejects, Drops, Forwards:
		return oldconfig.Action{Kind: oldconfig.Drop, Text: string(s.effect)}
	case Redirects:
		return b.translation(oldconfig.TranslateDestination, s.to)
	}
	return opaqueAction(s.condition)
}

// resolved returns the value, or the answer of the map that it is.
func (b *ruleTranslator) resolved(v value) value {
	if v.kind == answer {
		if found, ok := b.answers[v.slot]; ok && v.change == nil {
			return found
		}
	}
	return v
}

func (b *ruleTranslator) setMark(to value) oldconfig.Action {
	if to.kind == answer && to.change == nil && b.byAddr[to.slot] != nil {
		return oldconfig.Action{Kind: oldconfig.SetMark, SetMarkByAddr: b.byAddr[to.slot]}
	}
	to = b.resolved(to)
	o := to.what
	switch {
	case to.kind == constant && len(to.bytes) == 4:
		return oldconfig.Action{Kind: oldconfig.SetMark, Xor: hostOrdered(to.bytes)}
	case o == nil || o.changed || o.reversed:
	case o.part == ofMeta && o.key == uint32(expr.MetaKeyMARK):
		mask, xor := o.masks()
		return oldconfig.Action{Kind: oldconfig.SetMark, And: mask, Xor: xor}
	case o.part == ofConntrack && o.key == uint32(expr.CtKeyMARK):
		if mask, xor := o.masks(); xor == 0 {
			return oldconfig.Action{Kind: oldconfig.RestoreMark, Mask: mask}
		}
	}
	return opaqueAction("sets the mark to a value that is not understood")
}

// masks returns the mask and the bits that are flipped, of a value of 32 bits.
func (o *origin) masks() (mask, xor uint32) {
	mask = ^uint32(0)
	if len(o.mask) == 4 {
		mask = binary.NativeEndian.Uint32(o.mask)
	}
	if len(o.xor) == 4 {
		xor = binary.NativeEndian.Uint32(o.xor)
	}
	return mask, xor
}

func (b *ruleTranslator) setConnMark(s ctMarkSet) oldconfig.Action {
	const set, save = 0, 1 // XT_CONNMARK_*
	if m := s.exact; m != nil {
		if m.mode == save {
			return oldconfig.Action{Kind: oldconfig.SaveMark, And: ^m.ctMask, Mask: m.markMask}
		}
		return oldconfig.Action{Kind: oldconfig.SetConnMark, And: ^m.ctMask, Xor: m.value}
	}
	to := b.resolved(s.to)
	o := to.what
	switch {
	case to.kind == constant && len(to.bytes) == 4:
		return oldconfig.Action{Kind: oldconfig.SetConnMark, Xor: hostOrdered(to.bytes)}
	case o == nil || o.changed || o.reversed:
	case o.part == ofMeta && o.key == uint32(expr.MetaKeyMARK):
		if mask, xor := o.masks(); xor == 0 {
			return oldconfig.Action{Kind: oldconfig.SaveMark, Mask: mask}
		}
	case o.part == ofConntrack && o.key == uint32(expr.CtKeyMARK):
		mask, xor := o.masks()
		return oldconfig.Action{Kind: oldconfig.SetConnMark, And: mask, Xor: xor}
	}
	return opaqueAction("sets the mark of the connection to a value that is not understood")
}

// translation translates a nat statement. One to a value that is not known is not
// understood.
func (b *ruleTranslator) translation(kind oldconfig.ActionKind, n *natRange) oldconfig.Action {
	if n == nil {
		return opaqueAction("a translation that is not understood")
	}
	a := oldconfig.Action{
		Kind: kind, ToDevice: n.toDevice, ToNetwork: n.toNetwork, RandomPorts: n.random, Persistent: n.persistent,
	}
	for _, part := range []struct {
		low, high value
		to        *[]oldconfig.Range
	}{{n.low, n.high, &a.To}, {n.lowPort, n.highPort, &a.ToPorts}} {
		low, high := b.resolved(part.low), b.resolved(part.high)
		if part.high.size == 0 {
			high = low
		}
		switch {
		case part.low.size == 0:
		case low.kind == constant && high.kind == constant:
			*part.to = []oldconfig.Range{{Low: bigEndian(low.bytes), High: bigEndian(high.bytes)}}
		default:
			a := opaqueAction("a translation that is not understood")
			a.ToOriginal = kind == oldconfig.TranslateSource && low.name == ctOriginalDestination && n.onlyAddress()
			return a
		}
	}
	return a
}

// bigEndian returns the number of at most 16 bytes in network byte order.
func bigEndian(b []byte) oldconfig.Number {
	var padded [16]byte
	if len(b) <= len(padded) {
		copy(padded[len(padded)-len(b):], b)
	}
	return oldconfig.Number{High: binary.BigEndian.Uint64(padded[:8]), Low: binary.BigEndian.Uint64(padded[8:])}
}

package nft

import (
	"slices"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// An outcome is where a branch of a rule ends.
type outcome struct {
	branch
	verdict expr.VerdictKind
	chain   string
	ends    bool // with a verdict; otherwise the next rule comes
}

// lookup asks a set, a map or a verdict map.
func (w *walk) lookup(c *foreignChain, r *Rule, b branch, e rawExpression) (next []branch, ended []outcome) {
	s := c.table.sets[e.text(unix.NFTA_LOOKUP_SET)]
	if s == nil {
		return []branch{b.under("set " + e.text(unix.NFTA_LOOKUP_SET))}, nil
	}
	fields := b.fields(e.uint32(unix.NFTA_LOOKUP_SREG), int(s.KeyLen))
	inverse := e.uint32(unix.NFTA_LOOKUP_FLAGS)&unix.NFT_LOOKUP_F_INV != 0
	toRegister := e.attrs[unix.NFTA_LOOKUP_DREG] != nil
	changing := s.Flags&unix.NFT_SET_EVAL != 0 // by packets
	if !toRegister && (changing || allOpaque(fields)) {
		return []branch{b.under(names(fields)...)}, nil
	}
	if err := w.conn.foreignElements(c.table, s); err != nil {
		w.fail(err)
		return nil, nil
	}
	found, rest := w.answers(b, fields, s)
	if inverse {
		return rest, nil
	}
	for _, f := range found {
		if changing {
			f.branch = f.under(names(fields)...)
		}
		switch {
		case !toRegister:
			next = append(next, f.branch)
		case f.answer.decides && f.answer.verdict == expr.VerdictContinue:
			next = append(next, f.branch) // with the next expression
		case f.answer.decides:
			ended = append(ended, w.decided(c, r, f.branch, f.answer.verdict, f.answer.chain))
		default:
			f.load(e.uint32(unix.NFTA_LOOKUP_DREG), constantValue("map @"+s.Name, f.answer.data))
			next = append(next, f.branch)
		}
	}
	return next, ended
}

// A foundAnswer is a branch for which a set has an answer.
type foundAnswer struct {
	branch
	answer answer
}

// answers splits a branch by what the set has for it, and what may be left that
// it has nothing for.
func (w *walk) answers(b branch, fields []value, s *foreignSet) (found []foundAnswer, rest []branch) {
	left := []part{b.part}
	unsure := false
	for _, a := range s.answers {
		if a.everyKey {
			continue
		}
		for _, hit := range w.matching(b, fields, a.keys) {
			found = append(found, foundAnswer{hit, a})
			if len(hit.unsure) > len(b.unsure) {
				unsure = true
			} else {
				left = withoutParts(left, []part{hit.part})
			}
		}
	}
	for _, p := range left {
		r := b
		r.part = p
		if unsure {
			r = r.under(names(fields)...)
		}
		rest = append(rest, r)
	}
	for _, a := range s.answers {
		if a.everyKey {
			for _, r := range rest {
				found = append(found, foundAnswer{r, a})
			}
			rest = nil
		}
	}
	return found, rest
}

// matching are the branches whose key is one of those keys.
func (w *walk) matching(b branch, fields []value, keys []interval) []branch {
	w.steps += len(keys)
	if len(fields) == 1 {
		return w.try(b, fields[0], test{within: keys})
	}
	var hits []branch
	for _, key := range keys {
		hits = append(hits, w.matchingFields(b, fields, key)...)
	}
	return merged(hits)
}

// matchingFields narrows a branch by each field of a concatenated key.
func (w *walk) matchingFields(b branch, fields []value, key interval) []branch {
	hits := []branch{b}
	at := 0
	for _, v := range fields {
		end := at + v.size
		if end > len(key.low) || end > len(key.high) {
			return hits
		}
		within := test{within: []interval{{key.low[at:end], key.high[at:end]}}}
		var narrowed []branch
		for _, hit := range hits {
			narrowed = append(narrowed, w.try(hit, v, within)...)
		}
		hits = narrowed
		at += padded(v.size)
	}
	return hits
}

// merged joins branches of one branch that differ in nothing but their VIPs.
func merged(branches []branch) []branch {
	type likeness struct {
		protocol  config.Protocol
		low, high uint16
		unsure    string
	}
	index := map[likeness]int{}
	var kept []branch
	for _, b := range branches {
		like := likeness{b.protocol, b.low, b.high, strings.Join(b.unsure, "\x00")}
		if at, known := index[like]; known {
			kept[at].vips = kept[at].vips.or(b.vips)
			continue
		}
		index[like] = len(kept)
		kept = append(kept, b)
	}
	return kept
}

func allOpaque(fields []value) bool {
	return !slices.ContainsFunc(fields, func(v value) bool { return v.kind != opaque })
}

// names are those of the fields of which nothing is known.
func names(fields []value) []string {
	var list []string
	for _, v := range fields {
		if v.kind == opaque || v.fickle {
			list = append(list, nameOf(v))
		}
	}
	if len(list) == 0 && len(fields) > 0 {
		list = append(list, nameOf(fields[0]))
	}
	return list
}

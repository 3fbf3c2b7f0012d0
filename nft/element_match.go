package nft

import (
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// An ElementMatch is an element of a set as packets meet it: what it matches, and what
// the set answers. Bytes are as in registers; an empty text stands for none.
type ElementMatch struct {
	Key       string // in sets of intervals the first key that it matches
	KeyEnd    string // the last key, where the element has a last key of its own
	EndsRange bool   // no key but the end of the interval below it
	CatchAll  bool   // what no other element matches
	Data      string // of maps
	IsVerdict bool   // of verdict maps
	Verdict   expr.VerdictKind
	Chain     string // that the verdict jumps or goes to
}

// Match takes the element apart.
func (e Element) Match() ElementMatch {
	const catchAll = 2 // NFT_SET_ELEM_CATCHALL
	var m ElementMatch
	for typ, data := range netlink.Attributes(e.Key) {
		switch typ {
		case unix.NFTA_SET_ELEM_KEY:
			m.Key = dataValue(data)
		case nftaSetElemKeyEnd:
			m.KeyEnd = dataValue(data)
		case unix.NFTA_SET_ELEM_FLAGS:
			if len(data) == 4 {
				m.EndsRange = uint32Of(data)&unix.NFT_SET_ELEM_INTERVAL_END != 0
				m.CatchAll = uint32Of(data)&catchAll != 0
			}
		}
	}
	for typ, data := range netlink.Attributes(e.Rest) {
		if typ == unix.NFTA_SET_ELEM_DATA {
			m.Data = dataValue(data)
			m.Verdict, m.Chain, m.IsVerdict = dataVerdict(data)
		}
	}
	return m
}

// RangesArePairs reports whether the set has two elements for each interval: one that
// begins it, and one with EndsRange behind its last key. In other sets of intervals, an
// element has both keys.
func (s *Set) RangesArePairs() bool {
	const concatenation = 0x80 // NFT_SET_CONCAT
	return s.isInterval() && s.Flags&concatenation == 0
}

// IsDynamic reports whether packets add elements to the set.
func (s *Set) IsDynamic() bool { return s.Flags&unix.NFT_SET_EVAL != 0 }

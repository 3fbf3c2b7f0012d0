package nft

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// An ElementMatch is what an element of a set matches. Keys are as in registers; an empty
// key stands for none.
type ElementMatch struct {
	Key       string // in sets of intervals the first key that it matches
	KeyEnd    string // the last key, where the element has a last key of its own
	EndsRange bool   // it matches nothing, and is the end of the interval below it
	CatchAll  bool   // it matches what no other element does
}

// Match reads what the element matches.
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
				flags := binary.BigEndian.Uint32([]byte(data))
				m.EndsRange, m.CatchAll = flags&unix.NFT_SET_ELEM_INTERVAL_END != 0, flags&catchAll != 0
			}
		}
	}
	return m
}

// An Answer is what a map has for an element: data as in registers, or a verdict. It is
// the zero value in a set.
type Answer struct {
	Data      string
	IsVerdict bool
	Verdict   expr.VerdictKind
	Chain     string // that the verdict jumps or goes to
}

// Answer reads what the map has for the element.
func (e Element) Answer() Answer {
	var a Answer
	for typ, data := range netlink.Attributes(e.Rest) {
		if typ == unix.NFTA_SET_ELEM_DATA {
			a.Data = dataValue(data)
			a.Verdict, a.Chain, a.IsVerdict = dataVerdict(data)
		}
	}
	return a
}

// Finder returns a function that finds the element of a key without a look at all
// elements; nil where there are others than elements of single keys, in order.
func (s *Set) Finder() func(key []byte) (Element, bool) {
	single := len(elementKey(make([]byte, s.KeyLen)))
	if s.isInterval() || s.KeyHost || !slices.IsSortedFunc(s.Elements, s.compareKeys) ||
		slices.ContainsFunc(s.Elements, func(e Element) bool { return len(e.Key) != single }) {
		return nil
	}
	return func(key []byte) (Element, bool) {
		want := elementKey(key)
		i, ok := slices.BinarySearchFunc(s.Elements, want, func(e Element, key string) int { return strings.Compare(e.Key, key) })
		if !ok {
			return Element{}, false
		}
		return s.Elements[i], true
	}
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

package nft

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A foreignSet is a set, map or verdict map of a foreignTable. Its elements are
// read when a rule that may concern lvsmark asks it: sets of sources can be large.
type foreignSet struct {
	Set
	read    bool
	answers []answer
}

// An answer is what a set has for some of its keys.
type answer struct {
	keys     []interval       // that have it; single ones too
	everyKey bool             // the catch-all element: all that no other element has
	data     []byte           // of maps
	verdict  expr.VerdictKind // of verdict maps
	chain    string
	decides  bool // there is a verdict
}

// An interval of values of the same length, both ends included, in the order of
// memcmp, as the kernel compares.
type interval struct{ low, high []byte }

func (i interval) contains(value []byte) bool {
	return len(value) >= len(i.low) && bytes.Compare(i.low, value[:len(i.low)]) <= 0 && bytes.Compare(value[:len(i.high)], i.high) <= 0
}

// foreignElements reads the elements of a set, once.
func (c *Conn) foreignElements(t *foreignTable, s *foreignSet) error {
	if s.read {
		return nil
	}
	s.read = true
	filter := netlink.AppendText(nil, unix.NFTA_SET_ELEM_LIST_TABLE, t.name)
	filter = netlink.AppendText(filter, unix.NFTA_SET_ELEM_LIST_SET, s.Name)
	for e, err := range c.dump(unix.NFT_MSG_GETSETELEM, byte(t.family), filter) {
		if err != nil {
			return readError("set "+t.id()+" "+s.Name, err)
		}
		if err := decodeElements(&s.Set, e.data); err != nil {
			return err
		}
	}
	s.answers = s.answersOf()
	return nil
}

// A listed element, taken apart.
type listed struct {
	parts
	key, keyEnd, data []byte // nil: there is none
	end, catchesAll   bool
}

func valueOf(value string) []byte {
	if value == "" {
		return nil
	}
	return []byte(value)
}

func takeApart(e Element) listed {
	const catchall = 2 // NFT_SET_ELEM_CATCHALL
	p := e.parts()
	l := listed{parts: p, key: valueOf(p.key), data: valueOf(p.data)}
	for typ, data := range netlink.Attributes(e.Key) {
		switch typ {
		case nftaSetElemKeyEnd:
			l.keyEnd = valueOf(dataValue(data))
		case unix.NFTA_SET_ELEM_FLAGS:
			if len(data) == 4 {
				flags := uint32Of(data)
				l.end, l.catchesAll = flags&unix.NFT_SET_ELEM_INTERVAL_END != 0, flags&catchall != 0
			}
		}
	}
	return l
}

// answersOf groups the elements by what they answer: a set has one answer at
// the most besides the catch-all, a map one for each value.
func (s *foreignSet) answersOf() []answer {
	var elements []listed
	for _, e := range s.Elements {
		elements = append(elements, takeApart(e))
	}
	slices.SortStableFunc(elements, func(a, b listed) int { return bytes.Compare(a.key, b.key) })
	var answers []answer
	index := map[string]int{}
	for i, e := range elements {
		keys := interval{e.key, e.key}
		switch {
		case e.end || (e.key == nil && !e.catchesAll):
			continue
		case len(e.keyEnd) == len(e.key) && e.keyEnd != nil:
			keys.high = e.keyEnd
		case s.isInterval() && !e.catchesAll && !s.isConcatenation():
			keys.high = highestOf(elements, i)
		}
		id := string(e.data) + "\x00" + e.chain + "\x00" + string(binary.BigEndian.AppendUint32(nil, uint32(e.verdict)))
		if e.catchesAll {
			id = "else " + id
		}
		at, known := index[id]
		if !known {
			at = len(answers)
			index[id] = at
			answers = append(answers, answer{everyKey: e.catchesAll, data: e.data, verdict: e.verdict, chain: e.chain, decides: e.isVerdict})
		}
		if !e.catchesAll {
			answers[at].keys = append(answers[at].keys, keys)
		}
	}
	return answers
}

// isConcatenation reports whether ranges of the set have an end of their own.
func (s *foreignSet) isConcatenation() bool {
	const concat = 0x80 // NFT_SET_CONCAT
	return s.Flags&concat != 0
}

// highestOf is the end of the interval that begins with element i: that before
// the next element, for the ends are elements too.
func highestOf(elements []listed, i int) []byte {
	low := elements[i].key
	for _, e := range elements[i+1:] {
		if !bytes.Equal(e.key, low) && len(e.key) == len(low) && !e.catchesAll {
			high, _ := before(e.key)
			return high
		}
	}
	return bytes.Repeat([]byte{0xff}, len(low))
}

// before is the value below b; false if there is none.
func before(b []byte) ([]byte, bool) {
	b = bytes.Clone(b)
	for i := range slices.Backward(b) {
		b[i]--
		if b[i] != 0xff {
			return b, true
		}
	}
	return nil, false
}

// after is the value above b; false if there is none.
func after(b []byte) ([]byte, bool) {
	b = bytes.Clone(b)
	for i := range slices.Backward(b) {
		b[i]++
		if b[i] != 0 {
			return b, true
		}
	}
	return nil, false
}

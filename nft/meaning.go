package nft

import (
	"maps"
	"slices"
	"strings"
)

// A meaning is what a rule asks of a packet and does to it, in one form for all
// the ways in which it can be written. nft before 1.1 writes a range of ports as
// two comparisons, nft 1.1 and later as one range expression; matches of fields
// that lie side by side may be loaded together; matches may come in another order.
// Two rules with the same meaning do the same.
type meaning struct {
	steps []step
}

// A step is a statement, and what is asked ahead of it.
type step struct {
	asks conditions
	does statement
}

// conditions have to hold all together. Their order does not matter: to ask
// changes nothing.
type conditions map[condition]bool

// A condition asks whether bytes are in a range, in a set, or there at all.
type condition struct {
	of        operand
	low, high string // as many bytes as of has, both inclusive
	set       string // the name of the set, instead of a range
	not       bool
}

// A statement changes a packet or decides about it.
type statement struct {
	name string // "accept", "meta set 3", "vmap @vips", …
	of   operand
}

// String tells meanings apart. It is not for people.
func (m meaning) String() string {
	var b strings.Builder
	for _, s := range m.steps {
		for _, c := range slices.SortedFunc(maps.Keys(s.asks), condition.compare) {
			b.WriteString(c.String())
		}
		b.WriteString(s.does.String())
	}
	return b.String()
}

func (c condition) compare(other condition) int { return strings.Compare(c.String(), other.String()) }

func (c condition) String() string {
	sign := "="
	if c.not {
		sign = "!"
	}
	return string(c.of) + sign + c.low + "-" + c.high + "@" + c.set + "\n"
}

func (s statement) String() string { return s.name + " " + string(s.of) + "\n" }

// hold adds the condition that the bytes are from low to high. It reports false
// where no packet can meet it: then the rule is none that lvsmark makes.
func (c conditions) hold(of []source, low, high string) bool {
	if low == high {
		return c.holdEach(of, low)
	}
	whole := operandOf(of)
	for other := range c {
		if other.of == whole && other.isRange() && !other.not {
			delete(c, other)
			low, high = max(low, other.low), min(high, other.high)
		}
	}
	switch {
	case low > high:
		return false
	case low == high:
		return c.holdEach(of, low)
	case isFilled(low, 0) && isFilled(high, 0xff):
		return true
	}
	c[condition{of: whole, low: low, high: high}] = true
	return true
}

// holdEach adds one condition for each byte, so that it does not matter how many
// of them were loaded together.
func (c conditions) holdEach(of []source, value string) bool {
	for i, s := range of {
		want := value[i] ^ s.flip
		if want&^s.mask != 0 {
			return false
		}
		if s.mask == 0 {
			continue
		}
		s.flip = 0
		text := string([]byte{want})
		c[condition{of: operandOf([]source{s}), low: text, high: text}] = true
	}
	return true
}

// holdNot adds the condition that the bytes are outside low to high.
func (c conditions) holdNot(of []source, low, high string) {
	c[condition{of: operandOf(of), low: low, high: high, not: true}] = true
}

// isRange tells a range from a set and from what is only asked to be there.
func (c condition) isRange() bool { return c.set == "" && c.low != "" }

func isFilled(text string, with byte) bool {
	return strings.Trim(text, string([]byte{with})) == ""
}

package exact

import (
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A serverIndex finds the rules of a block that can match packets to a real server: people
// have a rule for each.
type serverIndex struct {
	general []int32                      // rules that do not test one address
	of      map[oldconfig.Number][]int32 // others, by address
}

// minIndexed is the number of rules from which on a block has an index.
const minIndexed = 16

// rulesOf returns the rules of a block that can match the packet. Those that it leaves out
// test the address of another real server.
func (m *machine) rulesOf(b *block) []*rule {
	if m.server == nil || len(b.rules) < minIndexed {
		return b.rules
	}
	if b.byServer == nil {
		b.byServer = newServerIndex(b)
	}
	of := b.byServer.of[addressNumber(m.server.Address)]
	if len(of)+len(b.byServer.general) == len(b.rules) {
		return b.rules
	}
	numbers := slices.Concat(b.byServer.general, of)
	slices.Sort(numbers)
	rules := make([]*rule, len(numbers))
	for i, n := range numbers {
		rules[i] = b.rules[n]
	}
	return rules
}

func newServerIndex(b *block) *serverIndex {
	x := &serverIndex{of: map[oldconfig.Number][]int32{}}
	for i, r := range b.rules {
		if at, ok := r.server(); ok {
			x.of[at] = append(x.of[at], int32(i))
		} else {
			x.general = append(x.general, int32(i))
		}
	}
	return x
}

// server returns the only real server whose packets the rule can match; false: there are more.
func (r *rule) server() (oldconfig.Number, bool) {
	for _, d := range r.segments[0].dynamic {
		if d.field == serverAddress && len(d.values) == 1 && d.values[0].Low == d.values[0].High {
			return d.values[0].Low, true
		}
	}
	return oldconfig.Number{}, false
}

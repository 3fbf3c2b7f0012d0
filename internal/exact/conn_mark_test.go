package exact

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

func TestConnMarks(t *testing.T) {
	set := oldconfig.Action{Kind: oldconfig.SetMark, Xor: 4}
	or := func(bit uint32) oldconfig.Action {
		return oldconfig.Action{Kind: oldconfig.SetConnMark, And: ^bit, Xor: bit}
	}
	save := oldconfig.Action{Kind: oldconfig.SaveMark, And: ^uint32(6), Mask: 6}
	restore := oldconfig.Action{Kind: oldconfig.RestoreMark, Mask: ^uint32(0)}
	for _, c := range []struct {
		actions []oldconfig.Action
		want    []uint32
	}{
		{nil, []uint32{0}},
		{[]oldconfig.Action{set, restore}, []uint32{0}},
		{[]oldconfig.Action{{Kind: oldconfig.SetConnMark, Xor: 9}}, []uint32{0, 9}},
		{[]oldconfig.Action{or(1), or(2)}, []uint32{0, 1, 2, 3}},
		{[]oldconfig.Action{set, save}, []uint32{0, 4}},
		{[]oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 5}, save}, []uint32{0, 4}},
		{[]oldconfig.Action{{Kind: oldconfig.SetMark, SetMarkByAddr: []oldconfig.MarkOf{{Mark: 2}, {Mark: 6}}}, save}, []uint32{0, 2, 6}},
		// The mark of a connection comes back to packets, is changed, and saved again.
		{[]oldconfig.Action{or(2), restore, {Kind: oldconfig.SetMark, And: ^uint32(4), Xor: 4}, save}, []uint32{0, 2, 4, 6}},
	} {
		// The second action and those behind it follow a match, as in rules of nft.
		var r *oldconfig.Rule
		for _, a := range slices.Backward(c.actions) {
			r = &oldconfig.Rule{Actions: []oldconfig.Action{a}, Then: r}
		}
		side := Side{Chains: []*oldconfig.Chain{{}}}
		if r != nil {
			side.Chains[0].Rules = []*oldconfig.Rule{r}
		}
		got, complete := connMarks(side)
		slices.Sort(got)
		assert.Equal(t, c.want, got)
		assert.True(t, complete)
	}
}

// TestManyConnMarks: each of 32 bits doubles the marks.
func TestManyConnMarks(t *testing.T) {
	c := &oldconfig.Chain{}
	for bit := range 32 {
		a := oldconfig.Action{Kind: oldconfig.SetConnMark, And: ^uint32(0), Xor: 1 << bit}
		c.Rules = append(c.Rules, &oldconfig.Rule{Actions: []oldconfig.Action{a}})
	}
	_, complete := connMarks(Side{Chains: []*oldconfig.Chain{c}})
	assert.False(t, complete)
}

// TestMarkOfConnection: rules drop later packets by a mark that the first one has set.
func TestMarkOfConnection(t *testing.T) {
	prerouting := func(rules ...*oldconfig.Rule) Side {
		return Side{Chains: []*oldconfig.Chain{{
			Family: 4, Table: "mangle", Name: "PREROUTING", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}, Rules: rules,
		}}}
	}
	marked := func(f oldconfig.Field) *oldconfig.Rule {
		return &oldconfig.Rule{
			Matches: []oldconfig.Match{{Field: f, In: single(3), Mask: ^uint32(0)}},
			Actions: []oldconfig.Action{{Kind: oldconfig.Drop}},
		}
	}
	does := func(list ...oldconfig.Action) *oldconfig.Rule { return &oldconfig.Rule{Actions: list} }
	or := func(bit uint32) oldconfig.Action {
		return oldconfig.Action{Kind: oldconfig.SetConnMark, And: ^bit, Xor: bit}
	}
	restore := does(oldconfig.Action{Kind: oldconfig.RestoreMark, Mask: ^uint32(0)})
	clear := does(oldconfig.Action{Kind: oldconfig.SetMark})
	for name, c := range map[string]struct {
		rules  []*oldconfig.Rule
		proven bool
	}{
		"never set":       {[]*oldconfig.Rule{marked(oldconfig.ConnMark), restore}, true},
		"one bit":         {[]*oldconfig.Rule{marked(oldconfig.ConnMark), does(or(1))}, true},
		"two bits":        {[]*oldconfig.Rule{marked(oldconfig.ConnMark), does(or(1), or(2))}, false},
		"restored":        {[]*oldconfig.Rule{restore, marked(oldconfig.Mark), clear, does(or(1), or(2))}, false},
		"restored, unset": {[]*oldconfig.Rule{restore, marked(oldconfig.Mark), clear, does(or(1))}, true},
	} {
		r := Compare(prerouting(c.rules...), prerouting(does(or(1), or(2)), clear), Scope{})
		assert.Empty(t, r.Differences, name)
		assert.Equal(t, c.proven, len(r.Unproven) == 0, "%s: %+v", name, r.Unproven)
	}
}

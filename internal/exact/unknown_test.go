package exact

import (
	"net/netip"
	"testing"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNotUnderstood: a match that is not understood matters if a packet's way depends on it.
func TestNotUnderstood(t *testing.T) {
	limit := oldconfig.Match{Field: oldconfig.NotUnderstood, Text: "-m limit"}
	toPort := oldconfig.Match{Field: oldconfig.DestinationPort, In: single(21)}
	side := func(table string, base oldconfig.Base, rules ...*oldconfig.Rule) Side {
		service := &oldconfig.Service{Family: 4, Mark: 1, Scheduler: "rr", RealServers: []oldconfig.RealServer{{}}}
		chain := &oldconfig.Chain{Family: 4, Table: table, Name: "c", Base: &base, Rules: rules}
		return Side{Chains: []*oldconfig.Chain{chain}, Services: []*oldconfig.Service{service}}
	}
	prerouting := oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}
	setMark := []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 1}}
	marks := &oldconfig.Rule{Matches: []oldconfig.Match{toPort}, Actions: setMark}
	limited := &oldconfig.Rule{Matches: []oldconfig.Match{toPort, limit}, Actions: setMark}
	without := side("mangle", prerouting, marks)

	assert.Empty(t, Compare(without, side("mangle", prerouting, limited, marks), Scope{}), "the next rule does the same")
	r := Compare(without, side("mangle", prerouting, limited), Scope{})
	assert.Empty(t, r.Differences)
	require.Len(t, r.Unproven, 1)
	assert.Same(t, limited, r.Unproven[0].Rule)
	assert.Equal(t, uint16(21), r.Unproven[0].Packet.To.Port())

	// The same rule on both sides has the same result on both.
	drops := &oldconfig.Rule{Matches: []oldconfig.Match{limit}, Actions: []oldconfig.Action{{Kind: oldconfig.Drop}}}
	assert.Empty(t, Compare(side("mangle", prerouting, drops, marks), side("mangle", prerouting, drops, marks), Scope{}))
	// Two rules may not.
	other := &oldconfig.Rule{Matches: []oldconfig.Match{limit}, Actions: []oldconfig.Action{{Kind: oldconfig.Drop}}}
	assert.NotEmpty(t, Compare(side("mangle", prerouting, drops, marks), side("mangle", prerouting, other, marks), Scope{}).Unproven)
	// A difference under every assumption is one.
	assert.NotEmpty(t, Compare(side("mangle", prerouting, limited), side("mangle", prerouting, &oldconfig.Rule{Matches: []oldconfig.Match{toPort}, Actions: []oldconfig.Action{{Kind: oldconfig.Drop}}}), Scope{}).Differences)

	// An action that is not understood.
	opaque := &oldconfig.Rule{Matches: []oldconfig.Match{toPort}, Actions: []oldconfig.Action{{Kind: oldconfig.Opaque}}}
	assert.Empty(t, Compare(side("mangle", prerouting, opaque, marks), side("mangle", prerouting, opaque, marks), Scope{}))
	r = Compare(side("mangle", prerouting, marks, opaque), without, Scope{})
	require.Len(t, r.Unproven, 1)
	assert.Same(t, opaque, r.Unproven[0].Rule)
	// It may have set the mark that only one side sets after it.
	r = Compare(side("mangle", prerouting, opaque), side("mangle", prerouting, opaque, marks), Scope{})
	assert.Empty(t, r.Differences)
	require.Len(t, r.Unproven, 1)
	assert.Same(t, opaque, r.Unproven[0].Rule)
	// Both sides set the mark after it.
	ored := &oldconfig.Rule{Matches: []oldconfig.Match{toPort}, Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, And: ^uint32(0), Xor: 1}}}
	second := &oldconfig.Rule{Matches: []oldconfig.Match{toPort}, Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 2}}}
	assert.NotEmpty(t, Compare(side("mangle", prerouting, opaque, second), side("mangle", prerouting, opaque, marks), Scope{}).Differences)
	assert.NotEmpty(t, Compare(side("mangle", prerouting, opaque, second), side("mangle", prerouting, opaque, ored), Scope{}).Unproven)
}

// TestUnknownMarkTested: an action that is not understood and that both sides have may set a mark that
// only one side tests.
func TestUnknownMarkTested(t *testing.T) {
	toPort := oldconfig.Match{Field: oldconfig.DestinationPort, In: single(21)}
	marked := oldconfig.Match{Field: oldconfig.Mark, In: single(5)}
	opaque := &oldconfig.Rule{Matches: []oldconfig.Match{toPort}, Actions: []oldconfig.Action{{Kind: oldconfig.Opaque}}}
	tests := &oldconfig.Rule{Matches: []oldconfig.Match{toPort, marked}, Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 1}, {Kind: oldconfig.Accept}}}
	sets := &oldconfig.Rule{Matches: []oldconfig.Match{toPort}, Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 2}}}
	side := func(rules ...*oldconfig.Rule) Side {
		return Side{
			Chains:   []*oldconfig.Chain{{Family: 4, Table: "mangle", Name: "c", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}, Rules: rules}},
			Services: []*oldconfig.Service{{Family: 4, Mark: 2, Scheduler: "rr", RealServers: []oldconfig.RealServer{{}}}},
		}
	}
	r := Compare(side(opaque, tests, sets), side(opaque, sets), Scope{})
	assert.Empty(t, r.Differences)
	require.Len(t, r.Unproven, 1)
	assert.Same(t, opaque, r.Unproven[0].Rule)
}

// TestConnectionState: rules about states and about the mark of the connection.
func TestConnectionState(t *testing.T) {
	base := oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}
	service := &oldconfig.Service{Family: 4, Mark: 1, Scheduler: "rr", RealServers: []oldconfig.RealServer{{}}}
	side := func(rules ...*oldconfig.Rule) Side {
		return Side{Services: []*oldconfig.Service{service}, Chains: []*oldconfig.Chain{{Family: 4, Table: "mangle", Name: "c", Base: &base, Rules: rules}}}
	}
	action := func(a oldconfig.Action, matches ...oldconfig.Match) *oldconfig.Rule {
		return &oldconfig.Rule{Matches: matches, Actions: []oldconfig.Action{a}}
	}
	state := func(bits uint64) oldconfig.Match { return oldconfig.Match{Field: oldconfig.State, In: single(bits)} }
	toPort := oldconfig.Match{Field: oldconfig.DestinationPort, In: single(21)}
	marks := action(oldconfig.Action{Kind: oldconfig.SetMark, Xor: 1}, toPort)
	restore := action(oldconfig.Action{Kind: oldconfig.RestoreMark, Mask: ^uint32(0)})
	isMarked := action(oldconfig.Action{Kind: oldconfig.Accept}, oldconfig.Match{Field: oldconfig.Mark, In: single(0), Not: true})
	save := action(oldconfig.Action{Kind: oldconfig.SaveMark, Mask: ^uint32(0)})
	syn := oldconfig.Match{Field: oldconfig.TCPFlags, Mask: SYN | ACK, In: single(SYN)}
	tcp := oldconfig.Match{Field: oldconfig.Protocol, In: single(6)}

	onlyTCP := action(oldconfig.Action{Kind: oldconfig.SetMark, Xor: 1}, tcp, syn, toPort)
	assert.Empty(t, Compare(side(action(oldconfig.Action{Kind: oldconfig.SetMark, Xor: 1}, tcp, syn, toPort, state(oldconfig.StateNew|oldconfig.StateRelated))), side(onlyTCP), Scope{}), "later packets need no mark")
	onlyNew := action(oldconfig.Action{Kind: oldconfig.SetMark, Xor: 1}, tcp, syn, toPort, state(oldconfig.StateNew))
	assert.Empty(t, Compare(side(onlyNew), side(onlyTCP), Scope{}), "no helper expects connections")
	helper := action(oldconfig.Action{Kind: oldconfig.NoEffect, AssignsHelper: true})
	r := Compare(side(helper, onlyNew), side(onlyTCP), Scope{})
	require.Len(t, r.Unproven, 1, "a helper may expect the connection")
	assert.Contains(t, r.Unproven[0].Reason, "RELATED")
	assert.NotEmpty(t, Compare(side(action(oldconfig.Action{Kind: oldconfig.Drop}, state(oldconfig.StateInvalid)), marks), side(marks), Scope{}).Differences)
	connected := Compare(side(restore, isMarked, onlyTCP, save), side(onlyTCP), Scope{})
	assert.Empty(t, connected.Differences, "the first packet has no mark to restore")
}

// TestFollowNotUnderstood: each condition that is not understood is named, not only the last one.
func TestFollowNotUnderstood(t *testing.T) {
	rule := func(text string) *oldconfig.Rule {
		limit := oldconfig.Match{Field: oldconfig.NotUnderstood, Text: text}
		return &oldconfig.Rule{Matches: []oldconfig.Match{limit}, Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 1}}}
	}
	rules := []*oldconfig.Rule{rule("-m limit"), rule("-m quota"), rule("-m ttl")}
	base := &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}
	side := Side{Chains: []*oldconfig.Chain{{Family: 4, Table: "mangle", Name: "PREROUTING", Base: base, Rules: rules}}}
	p := Packet{Protocol: 17, From: netip.MustParseAddrPort("192.0.2.1:1024"), To: netip.MustParseAddrPort("198.51.100.21:21"), FromType: Unicast}
	steps := Follow(side, p, false).Steps
	require.Len(t, steps, len(rules))
	for i, s := range steps {
		assert.Same(t, rules[i], s.Rule)
		assert.Contains(t, s.Effect, rules[i].Matches[0].Text)
	}
}

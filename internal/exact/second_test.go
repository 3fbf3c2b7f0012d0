package exact

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestSecondPacket: IPVS looks up later packets of a connection that it does not have.
func TestSecondPacket(t *testing.T) {
	udp := oldconfig.Match{Field: oldconfig.Protocol, In: single(uint64(config.UDP))}
	isOf := func(state uint64) oldconfig.Match {
		return oldconfig.Match{Field: oldconfig.State, In: single(state)}
	}
	established, isNew := isOf(oldconfig.StateEstablished), isOf(oldconfig.StateNew)
	mark := oldconfig.Action{Kind: oldconfig.SetMark, Xor: 1}
	remember := oldconfig.Action{Kind: oldconfig.SetConnMark, Xor: 1}
	restore := oldconfig.Action{Kind: oldconfig.RestoreMark, Mask: ^uint32(0)}
	untrack := oldconfig.Action{Kind: oldconfig.Untrack}
	rule := func(a oldconfig.Action, matches ...oldconfig.Match) *oldconfig.Rule {
		return &oldconfig.Rule{Actions: []oldconfig.Action{a}, Matches: append([]oldconfig.Match{udp}, matches...)}
	}
	side := func(flags uint32, forwarding config.Forwarding, tracking Tracking, rules ...*oldconfig.Rule) Side {
		early := &oldconfig.Chain{Family: 4, Table: "raw", Name: "a", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -300}}
		late := &oldconfig.Chain{Family: 4, Table: "mangle", Name: "b", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}}
		for _, r := range rules {
			if r.Actions[0].Kind == oldconfig.Untrack {
				early.Rules = append(early.Rules, r)
			} else {
				late.Rules = append(late.Rules, r)
			}
		}
		servers := []oldconfig.RealServer{{Destination: ipvs.Destination{Forwarding: forwarding, Weight: 1}}}
		service := &oldconfig.Service{Family: 4, Mark: 1, Scheduler: "rr", Flags: flags, RealServers: servers}
		return Side{Chains: []*oldconfig.Chain{early, late}, Services: []*oldconfig.Service{service}, Tracking: tracking}
	}
	all := func(rules ...*oldconfig.Rule) []*oldconfig.Rule { return rules }
	for name, c := range map[string]struct {
		old, new   []*oldconfig.Rule
		flags      uint32
		forwarding config.Forwarding
		tracking   Tracking
		unproven   bool
	}{
		"marked after an answer":        {old: all(rule(mark, established)), unproven: true},
		"marked by the connection":      {old: all(rule(restore), rule(remember)), new: all(rule(remember)), unproven: true},
		"never remembered":              {old: all(rule(restore))},
		"not tracked":                   {old: all(rule(untrack), rule(mark, established)), new: all(rule(untrack))},
		"served, marked once":           {old: all(rule(mark, isNew)), new: all(rule(mark))},
		"one by one, marked once":       {old: all(rule(mark, isNew)), new: all(rule(mark)), flags: ipvs.OnePacket, forwarding: config.NAT, unproven: true},
		"one by one, tracked":           {old: all(rule(mark, isNew)), new: all(rule(mark)), flags: ipvs.OnePacket, forwarding: config.NAT, tracking: Tracked, unproven: true},
		"one by one, not tracked":       {old: all(rule(mark, isNew)), new: all(rule(mark)), flags: ipvs.OnePacket, forwarding: config.NAT, tracking: Untracked},
		"one by one, no answer is seen": {old: all(rule(mark, isNew)), new: all(rule(mark)), flags: ipvs.OnePacket, forwarding: config.Direct},
	} {
		t.Run(name, func(t *testing.T) {
			result := Compare(side(c.flags, c.forwarding, c.tracking, c.old...), side(c.flags, c.forwarding, c.tracking, c.new...), Scope{})
			assert.Empty(t, result.Differences)
			if !c.unproven {
				assert.Empty(t, result.Unproven)
				return
			}
			require.NotEmpty(t, result.Unproven)
			assert.Same(t, c.old[0], result.Unproven[0].Rule)
			assert.Contains(t, result.Unproven[0].Reason, "a later packet of a connection")
		})
	}
}

// TestNATWithoutTracking: no chain of type nat runs unless something makes the kernel track connections.
func TestNATWithoutTracking(t *testing.T) {
	mark := &oldconfig.Rule{Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 1}}}
	remember := &oldconfig.Rule{Actions: []oldconfig.Action{{Kind: oldconfig.SetConnMark, Xor: 1}}}
	service := &oldconfig.Service{Family: 4, Mark: 1, Scheduler: "rr", RealServers: []oldconfig.RealServer{{}}}
	for _, tracks := range []bool{false, true} {
		nat := &oldconfig.Chain{Family: 4, Table: "t", Name: "n", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -100, NAT: true}, Rules: []*oldconfig.Rule{mark}}
		if tracks {
			nat.Rules = append(nat.Rules, remember)
		}
		old := Side{Chains: []*oldconfig.Chain{nat}, Services: []*oldconfig.Service{service}}
		result := Compare(old, Side{Services: old.Services}, Scope{})
		assert.Equal(t, tracks, len(result.Unproven) == 0)
		assert.Equal(t, tracks, len(result.Differences) > 0)
	}
}

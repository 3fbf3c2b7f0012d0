package exact

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestEarlyState: ahead of connection tracking, as in table raw, no packet has a connection.
func TestEarlyState(t *testing.T) {
	const all = ^uint32(0)
	match := func(f oldconfig.Field, value uint64, not bool) []oldconfig.Match {
		return []oldconfig.Match{{Field: f, In: single(value), Not: not}}
	}
	any := oldconfig.Range{High: oldconfig.Number{Low: uint64(all)}}
	for name, c := range map[string]struct {
		matches     []oldconfig.Match
		early, late uint32
	}{
		"NEW":             {match(oldconfig.State, oldconfig.StateNew, false), 0, 7},
		"INVALID":         {match(oldconfig.State, oldconfig.StateInvalid, false), 7, 0},
		"not INVALID":     {match(oldconfig.State, oldconfig.StateInvalid, true), 0, 7},
		"not ESTABLISHED": {match(oldconfig.State, oldconfig.StateEstablished, true), 7, 7},
		"mark 0":          {match(oldconfig.ConnMark, 0, false), 0, 7},
		"not mark 1":      {match(oldconfig.ConnMark, 1, true), 0, 7},
		"has destination": {[]oldconfig.Match{{Field: oldconfig.OriginalDestination, In: []oldconfig.Range{any}}}, 0, 7},
	} {
		t.Run(name, func(t *testing.T) {
			mark := func(hook oldconfig.Hook, priority int) uint32 {
				side := Side{Chains: []*oldconfig.Chain{{
					Family: 4, Table: "t", Name: "c", Base: &oldconfig.Base{Hook: hook, Priority: priority},
					Rules: []*oldconfig.Rule{{Matches: c.matches, Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 7}}}},
				}}}
				p := Packet{
					Protocol: 6, Flags: SYN, FromType: Unicast,
					From: netip.MustParseAddrPort("192.0.2.1:40000"), To: netip.MustParseAddrPort("198.51.100.21:21"),
				}
				return Follow(side, p, false).Mark
			}
			assert.Equal(t, c.early, mark(oldconfig.Prerouting, -300), "table raw")
			assert.Equal(t, c.early, mark(oldconfig.Ingress, 0), "ingress")
			assert.Equal(t, c.late, mark(oldconfig.Prerouting, -150), "table mangle")
			assert.Equal(t, c.late, mark(oldconfig.Input, -300), "a chain of the input hook")
		})
	}
}

// TestUnknownOrder: at the priority of connection tracking, what a chain knows of a connection
// depends on which of the two was registered first.
func TestUnknownOrder(t *testing.T) {
	state := oldconfig.Match{Field: oldconfig.State, In: single(oldconfig.StateNew)}
	port := oldconfig.Match{Field: oldconfig.DestinationPort, In: single(21)}
	mark := []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 1}}
	jump := []oldconfig.Action{{Kind: oldconfig.Jump, Chain: "below"}}
	side := func(hook oldconfig.Hook, priority int, rules ...*oldconfig.Rule) Side {
		below := &oldconfig.Chain{Family: 4, Table: "t", Name: "below", Rules: []*oldconfig.Rule{{Matches: []oldconfig.Match{state}, Actions: mark}}}
		return Side{
			Chains:   []*oldconfig.Chain{{Family: 4, Table: "t", Name: "c", Base: &oldconfig.Base{Hook: hook, Priority: priority}, Rules: rules}, below},
			Services: []*oldconfig.Service{{Family: 4, Mark: 1, Scheduler: "rr", RealServers: []oldconfig.RealServer{{}}}},
		}
	}
	for name, r := range map[string]*oldconfig.Rule{
		"match":                {Matches: []oldconfig.Match{port, state}, Actions: mark},
		"match of a later one": {Matches: []oldconfig.Match{port}, Then: &oldconfig.Rule{Matches: []oldconfig.Match{state}, Actions: mark}},
		"action":               {Matches: []oldconfig.Match{port}, Actions: append([]oldconfig.Action{{Kind: oldconfig.Untrack}}, mark...)},
		"jump":                 {Matches: []oldconfig.Match{port}, Actions: jump},
	} {
		t.Run(name, func(t *testing.T) {
			result := Compare(side(oldconfig.Prerouting, -200, r), side(oldconfig.Prerouting, -200), Scope{})
			require.Len(t, result.Unproven, 1)
			assert.Empty(t, result.Differences)
			for _, known := range []Side{side(oldconfig.Input, -200, r), side(oldconfig.Prerouting, -199, r)} {
				result := Compare(known, Side{Services: known.Services}, Scope{})
				assert.Empty(t, result.Unproven)
				assert.NotEmpty(t, result.Differences)
			}
		})
	}
	plain := &oldconfig.Rule{Matches: []oldconfig.Match{port}, Actions: mark}
	result := Compare(side(oldconfig.Prerouting, -200, plain), side(oldconfig.Prerouting, -200), Scope{})
	assert.Empty(t, result.Unproven)
	assert.NotEmpty(t, result.Differences)
}

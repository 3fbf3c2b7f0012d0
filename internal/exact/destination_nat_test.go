package exact

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestDestinationNAT compares a service of an address with rules that mark what the client sends
// to it, and a rule that translates packets to other addresses and ports.
func TestDestinationNAT(t *testing.T) {
	vip, other := number(0xc6336415), number(0xc6336463)
	servers := []oldconfig.RealServer{{Destination: ipvs.Destination{Address: netip.MustParseAddr("10.0.0.11"), Weight: 1}}}
	byAddress := []*oldconfig.Service{{Family: 4, Protocol: 6, Address: netip.MustParseAddrPort("198.51.100.21:80"), Scheduler: "wlc", RealServers: servers}}
	byMark := []*oldconfig.Service{{Family: 4, Mark: 7, Scheduler: "wlc", RealServers: servers}}
	one := func(n oldconfig.Number) []oldconfig.Range { return []oldconfig.Range{{Low: n, High: n}} }
	to := func(f oldconfig.Field, n oldconfig.Number) oldconfig.Match {
		return oldconfig.Match{Field: f, In: one(n)}
	}
	marks := func(hook oldconfig.Hook, priority int) *oldconfig.Chain {
		return &oldconfig.Chain{
			Family: 4, Table: "mangle", Name: "marks", Base: &oldconfig.Base{Hook: hook, Priority: priority},
			Rules: []*oldconfig.Rule{{
				Matches: []oldconfig.Match{to(oldconfig.Protocol, number(6)), to(oldconfig.Destination, vip), to(oldconfig.DestinationPort, number(80))},
				Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 7}},
			}},
		}
	}
	nat := func(a oldconfig.Action, matches ...oldconfig.Match) *oldconfig.Chain {
		a.Kind = oldconfig.TranslateDestination
		return &oldconfig.Chain{
			Family: 4, Table: "nat", Name: "PREROUTING", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -100, NAT: true},
			Rules: []*oldconfig.Rule{{Matches: matches, Actions: []oldconfig.Action{a}}},
		}
	}
	otherPort := to(oldconfig.DestinationPort, number(8080))
	asks := &oldconfig.Chain{
		Family: 4, Table: "filter", Name: "INPUT", Base: &oldconfig.Base{Hook: oldconfig.Input},
		Rules: []*oldconfig.Rule{{Matches: []oldconfig.Match{to(oldconfig.OriginalDestination, other)}, Actions: []oldconfig.Action{{Kind: oldconfig.Drop}}}},
	}
	ofTwo := oldconfig.Range{Low: vip, High: number(vip.Low + 1)}
	for name, c := range map[string]struct {
		marks  *oldconfig.Chain
		kept   []*oldconfig.Chain
		answer string
	}{
		"to the VIP":               {marks(oldconfig.Prerouting, -150), []*oldconfig.Chain{nat(oldconfig.Action{To: one(vip)}, to(oldconfig.Destination, other))}, "different"},
		"to the port":              {marks(oldconfig.Prerouting, -150), []*oldconfig.Chain{nat(oldconfig.Action{ToPorts: one(number(80))}, to(oldconfig.Destination, vip), otherPort)}, "different"},
		"to another port":          {marks(oldconfig.Prerouting, -150), []*oldconfig.Chain{nat(oldconfig.Action{ToPorts: one(number(81))}, to(oldconfig.Destination, vip), otherPort)}, "equivalent"},
		"to another address":       {marks(oldconfig.Prerouting, -150), []*oldconfig.Chain{nat(oldconfig.Action{To: one(number(1))}, to(oldconfig.Destination, other))}, "equivalent"},
		"away from the VIP":        {marks(oldconfig.Prerouting, -150), []*oldconfig.Chain{nat(oldconfig.Action{To: one(other)}, to(oldconfig.Destination, vip))}, "different"},
		"marks behind it":          {marks(oldconfig.Prerouting, 0), []*oldconfig.Chain{nat(oldconfig.Action{To: one(vip)}, to(oldconfig.Destination, other))}, "equivalent"},
		"marks in the input hook":  {marks(oldconfig.Input, 0), []*oldconfig.Chain{nat(oldconfig.Action{To: one(vip), ToPorts: one(number(80))}, otherPort)}, "equivalent"},
		"one of several addresses": {marks(oldconfig.Prerouting, -150), []*oldconfig.Chain{nat(oldconfig.Action{To: []oldconfig.Range{ofTwo}}, to(oldconfig.Destination, other))}, "not proven"},
		"to the device's":          {marks(oldconfig.Prerouting, -150), []*oldconfig.Chain{nat(oldconfig.Action{ToDevice: true}, to(oldconfig.Destination, other))}, "not proven"},
		"to the device's, 81":      {marks(oldconfig.Prerouting, -150), []*oldconfig.Chain{nat(oldconfig.Action{ToDevice: true, ToPorts: one(number(81))}, to(oldconfig.Destination, other))}, "equivalent"},
		"ports":                    {marks(oldconfig.Prerouting, -150), []*oldconfig.Chain{nat(oldconfig.Action{ToPorts: []oldconfig.Range{{Low: number(80), High: number(90)}}}, otherPort)}, "not proven"},
		"original destination":     {marks(oldconfig.Prerouting, -150), []*oldconfig.Chain{asks, nat(oldconfig.Action{To: one(number(1))}, to(oldconfig.Destination, other))}, "not proven"},
	} {
		t.Run(name, func(t *testing.T) {
			before := Side{Chains: c.kept, Services: byAddress}
			after := Side{Chains: append([]*oldconfig.Chain{c.marks}, c.kept...), Services: byMark}
			r := Compare(before, after, Scope{})
			answer := "equivalent"
			switch {
			case len(r.Differences) > 0:
				answer = "different"
			case len(r.Unproven) > 0:
				answer = "not proven"
			}
			assert.Equal(t, c.answer, answer, "%+v", r)
		})
	}
}

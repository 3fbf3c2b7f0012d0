package exact

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestRulesOfServers: of many rules for one real server each, all that match count, in order.
func TestRulesOfServers(t *testing.T) {
	const first = 0x0a000001
	service := &oldconfig.Service{Family: 4, Protocol: 6, Address: netip.MustParseAddrPort("198.51.100.1:80"), Scheduler: "rr"}
	to := func(low, high uint64) oldconfig.Match {
		return oldconfig.Match{Field: oldconfig.Destination, In: []oldconfig.Range{{Low: number(low), High: number(high)}}}
	}
	var each []*oldconfig.Rule
	for i := range uint64(20) {
		d := ipvs.Destination{Address: address(number(first+i), 4), Weight: 1, Forwarding: config.NAT}
		service.RealServers = append(service.RealServers, oldconfig.RealServer{Destination: d})
		each = append(each, translates(to(first+i, first+i)))
	}
	client := oldconfig.Match{Field: oldconfig.Source, In: single(0xc0000201)}
	accept := &oldconfig.Rule{Matches: []oldconfig.Match{client, to(first, first)}, Actions: []oldconfig.Action{{Kind: oldconfig.Accept}}}
	side := func(rules ...*oldconfig.Rule) Side {
		base := &oldconfig.Base{Hook: oldconfig.Postrouting, Priority: 100, NAT: true}
		return Side{Tracking: Tracked, Services: []*oldconfig.Service{service}, Chains: []*oldconfig.Chain{{Family: 4, Table: "nat", Name: "POSTROUTING", Base: base, Rules: rules}}}
	}
	others := client
	others.Not = true
	before := side(append([]*oldconfig.Rule{accept}, each...)...)
	assert.Empty(t, Compare(before, side(translates(others, to(first, first)), translates(to(first+1, first+19))), Scope{}))
	assert.NotEmpty(t, Compare(before, side(translates(to(first, first+19))), Scope{}).Differences, "the first rule accepts")
	assert.NotEmpty(t, Compare(before, side(translates(others, to(first, first)), translates(to(first+1, first+18))), Scope{}).Differences, "the last real server")
}

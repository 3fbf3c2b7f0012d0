package exact

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestManyJumps: each chain jumps to the next one twice, so a packet would meet 2^40 rules. The
// comparison and Follow end.
func TestManyJumps(t *testing.T) {
	const chains = 40
	name := func(i int) string { return fmt.Sprintf("c%d", i) }
	list := []*oldconfig.Chain{{Family: 4, Table: "mangle", Name: "PREROUTING", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}}}
	for i := range chains {
		list = append(list, &oldconfig.Chain{Family: 4, Table: "mangle", Name: name(i)})
	}
	for i := range chains {
		jump := &oldconfig.Rule{Actions: []oldconfig.Action{{Kind: oldconfig.Jump, Chain: name(i)}}}
		list[i].Rules = []*oldconfig.Rule{jump, jump}
	}
	list[chains].Rules = []*oldconfig.Rule{{Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 21}}}}
	side := Side{Chains: list}

	r := Compare(side, Side{}, Scope{})
	assert.Empty(t, r.Differences)
	require.Len(t, r.Unproven, 1)
	assert.Equal(t, "chains jump to others too often", r.Unproven[0].Reason)

	client, vip := netip.MustParseAddrPort("192.0.2.1:40000"), netip.MustParseAddrPort("198.51.100.1:21")
	assert.Equal(t, "not known: chains jump to others too often", Follow(side, Packet{From: client, To: vip, Protocol: 6, Flags: 2}, false).Outcome)
}

// TestManyDifferences: of many services that one side alone has, the first ones are listed, the
// others are counted, and their packets do not run all rules.
func TestManyDifferences(t *testing.T) {
	const count = 300
	var side Side
	for i := range count {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 80)
		side.Services = append(side.Services, &oldconfig.Service{Family: 4, Protocol: 6, Address: at, Scheduler: "rr"})
	}
	var r Result
	c := newComparison(4, toVIPs(), newDevices(side, Side{}), side, Side{}, &r)
	c.run(nil)
	assert.Len(t, r.Differences, maxDifferences)
	assert.Equal(t, count-maxDifferences, r.Truncated)
	assert.LessOrEqual(t, c.followed, 2*maxDifferences)
}

package exact

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestUntrack: notrack does nothing behind connection tracking, unless the packet has no connection.
func TestUntrack(t *testing.T) {
	for _, c := range []struct {
		hook     oldconfig.Hook
		priority int
		state    int
		mark     uint32
	}{
		{oldconfig.Prerouting, -300, stateNew, 7},
		{oldconfig.Prerouting, -199, stateNew, 0},
		{oldconfig.Prerouting, -150, stateInvalid, 7},
		{oldconfig.Input, -300, stateNew, 0},
		{oldconfig.Ingress, 0, stateNew, 7},
	} {
		side := Side{Chains: []*oldconfig.Chain{{
			Family: 4, Table: "ip t", Name: "c", Base: &oldconfig.Base{Hook: c.hook, Priority: c.priority},
			Rules: []*oldconfig.Rule{{Actions: []oldconfig.Action{
				{Kind: oldconfig.SetMark, Xor: 7},
				{Kind: oldconfig.Untrack},
				{Kind: oldconfig.RestoreMark, Mask: ^uint32(0)}, // only of packets with a connection
			}}},
		}}}
		p := Packet{
			Protocol: 6, Flags: SYN, State: c.state, FromType: Unicast,
			From: netip.MustParseAddrPort("192.0.2.1:40000"), To: netip.MustParseAddrPort("198.51.100.21:21"),
		}
		assert.Equal(t, c.mark, Follow(side, p, false).Mark, "%+v", c)
	}
}

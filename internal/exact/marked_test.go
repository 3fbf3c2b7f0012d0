package exact

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestOnePacket: ops of a service matters to UDP only.
func TestOnePacket(t *testing.T) {
	base := &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}
	side := func(flags uint32, protocols ...uint64) Side {
		chain := &oldconfig.Chain{Family: 4, Table: "mangle", Name: "c", Base: base}
		for _, protocol := range protocols {
			chain.Rules = append(chain.Rules, &oldconfig.Rule{
				Matches: []oldconfig.Match{{Field: oldconfig.Protocol, In: single(protocol)}, {Field: oldconfig.DestinationPort, In: single(53)}},
				Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 1}},
			})
		}
		server := oldconfig.RealServer{Destination: ipvs.Destination{Address: netip.MustParseAddr("10.0.0.1"), Weight: 1}}
		return Side{Chains: []*oldconfig.Chain{chain}, Services: []*oldconfig.Service{{
			Family: 4, Mark: 1, Scheduler: "rr", Flags: flags, RealServers: []oldconfig.RealServer{server},
		}}}
	}
	assert.Empty(t, Compare(side(ipvs.OnePacket, 6, 132), side(0, 6, 132), Scope{}))
	r := Compare(side(ipvs.OnePacket, 6, 17), side(0, 6, 17), Scope{})
	require.Len(t, r.Differences, 1)
	assert.Equal(t, uint8(17), r.Differences[0].Packet.Protocol)
}

// TestFlagsOfSchedulers: the flags of a scheduler count with sh and mh alone.
func TestFlagsOfSchedulers(t *testing.T) {
	chain := &oldconfig.Chain{
		Family: 4, Table: "mangle", Name: "c", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150},
		Rules: []*oldconfig.Rule{{Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 1}}}},
	}
	server := oldconfig.RealServer{Destination: ipvs.Destination{Address: netip.MustParseAddr("10.0.0.1"), Weight: 1}}
	side := func(scheduler string, flags uint32) Side {
		return Side{Chains: []*oldconfig.Chain{chain}, Services: []*oldconfig.Service{{
			Family: 4, Mark: 1, Scheduler: scheduler, Flags: flags, RealServers: []oldconfig.RealServer{server},
		}}}
	}
	for scheduler, counts := range map[string]bool{"sh": true, "mh": true, "wlc": false, "dh": false} {
		for _, flags := range []uint32{ipvs.SHFallback, ipvs.SHPort} {
			r := Compare(side(scheduler, flags), side(scheduler, 0), Scope{})
			assert.Equal(t, counts, len(r.Differences) > 0, "%s %#x", scheduler, flags)
		}
		const third = 0x20
		assert.Empty(t, Compare(side(scheduler, third), side(scheduler, 0), Scope{}).Differences, scheduler)
	}
}

// TestServiceText: flags and tunnels have the names of the spec and of ipvsadm.
func TestServiceText(t *testing.T) {
	const gue = 1 // IP_VS_CONN_F_TUNNEL_TYPE_GUE
	server := oldconfig.RealServer{Destination: ipvs.Destination{
		Address: netip.MustParseAddr("10.0.0.1"), Forwarding: config.Tunnel, Weight: 1,
		Tunnel: ipvs.Tunnel{Type: gue, Port: 6080, Flags: 1},
	}}
	s := newServed(&oldconfig.Service{
		Family: 4, Mark: 1, Scheduler: "sh", Flags: ipvs.OnePacket | ipvs.SHPort, RealServers: []oldconfig.RealServer{server},
	})
	assert.Equal(t, "scheduler sh, one-packet scheduling, scheduler flags sh-port, to 10.0.0.1 tunnel --tun-type gue --tun-port 6080 --tun-csum weight 1", s.signature)
}

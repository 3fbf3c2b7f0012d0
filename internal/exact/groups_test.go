package exact

import (
	"net/netip"
	"testing"
	"time"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGroups: a service with a mark for two VIPs keeps a client on one real server for both;
// services of each VIP do not.
func TestGroups(t *testing.T) {
	server := oldconfig.RealServer{Destination: ipvs.Destination{Address: netip.MustParseAddr("10.0.0.1"), Weight: 1}}
	service := func(s oldconfig.Service) *oldconfig.Service {
		s.Family, s.Scheduler, s.Timeout, s.Netmask, s.RealServers = 4, "wlc", time.Minute, 32, []oldconfig.RealServer{server}
		return &s
	}
	first, second := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")
	marks := func(to ...netip.Addr) Side {
		c := &oldconfig.Chain{Family: 4, Table: "mangle", Name: "PREROUTING", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}}
		s := Side{Chains: []*oldconfig.Chain{c}, Services: []*oldconfig.Service{service(oldconfig.Service{Mark: 21})}}
		for _, a := range to {
			c.Rules = append(c.Rules, &oldconfig.Rule{
				Matches: []oldconfig.Match{
					{Field: oldconfig.Protocol, In: single(6)},
					{Field: oldconfig.Destination, In: []oldconfig.Range{{Low: addressNumber(a), High: addressNumber(a)}}},
					{Field: oldconfig.DestinationPort, In: append(single(21), ftpDataPorts()...)},
				},
				Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 21}},
			})
		}
		return s
	}
	address := func(a netip.Addr) *oldconfig.Service {
		return service(oldconfig.Service{Protocol: 6, Address: netip.AddrPortFrom(a, 21)})
	}
	one := Side{Services: []*oldconfig.Service{address(first)}}
	assert.Empty(t, Compare(one, marks(first), Scope{}), "FTP of one VIP")
	two := Side{Services: []*oldconfig.Service{address(first), address(second)}}
	r := Compare(two, marks(first, second), Scope{})
	require.Len(t, r.Differences, 1)
	d := r.Differences[0]
	assert.Equal(t, "persistence joins two connections of a client after, not before", d.Kind)
	require.NotNil(t, d.Second)
	assert.NotEqual(t, d.Packet.To.Addr(), d.Second.To.Addr())

	// A service of port 80 has a template of its own.
	web := Side{Services: []*oldconfig.Service{service(oldconfig.Service{Protocol: 6, Address: netip.AddrPortFrom(first, 80)})}}
	web.Services = append(web.Services, service(oldconfig.Service{Protocol: 6, Address: netip.AddrPortFrom(first, 443)}))
	both := marks(first)
	both.Chains[0].Rules[0].Matches[2].In = append(single(80), single(443)...)
	require.Len(t, Compare(web, both, Scope{}).Differences, 1)
}

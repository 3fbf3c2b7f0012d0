package ipvs_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A model is an in-memory kernel. It returns the errors of the real one, and an error if a
// service is deleted before its destinations.
type model map[ipvs.Key]*modelService

type modelService struct {
	service      ipvs.Service
	destinations map[netip.AddrPort]ipvs.Destination
}

func newModel(services []ipvs.VirtualService) model {
	m := model{}
	for _, s := range services {
		m[s.Key] = &modelService{s.Service, map[netip.AddrPort]ipvs.Destination{}}
		for _, dest := range s.Destinations {
			m[s.Key].destinations[netip.AddrPortFrom(dest.Address, dest.Port)] = dest
		}
	}
	return m
}

func (m model) apply(c ipvs.Change) error {
	service, exists := m[c.Service.Key]
	if exists == (c.Op == ipvs.AddService) {
		return fmt.Errorf("%s: service exists: %t", c, exists)
	}
	switch c.Op {
	case ipvs.AddService:
		m[c.Service.Key] = &modelService{c.Service, map[netip.AddrPort]ipvs.Destination{}}
		return nil
	case ipvs.EditService:
		service.service = c.Service
		return nil
	case ipvs.DelService:
		if len(service.destinations) > 0 {
			return fmt.Errorf("%s: it has destinations", c)
		}
		delete(m, c.Service.Key)
		return nil
	}
	return service.apply(c)
}

func (s *modelService) apply(c ipvs.Change) error {
	dest := c.After
	if c.Op == ipvs.DelDestination {
		dest = c.Before
	}
	endpoint := netip.AddrPortFrom(dest.Address, dest.Port)
	if _, exists := s.destinations[endpoint]; exists == (c.Op == ipvs.AddDestination) {
		return fmt.Errorf("%s: destination exists: %t", c, exists)
	}
	if c.Op == ipvs.DelDestination {
		delete(s.destinations, endpoint)
		return nil
	}
	s.destinations[endpoint] = dest
	return nil
}

// contains reports whether the services and their destinations exist, in any state.
func (m model) contains(services []ipvs.VirtualService) bool {
	for _, s := range services {
		service, ok := m[s.Key]
		if !ok {
			return false
		}
		for _, dest := range s.Destinations {
			if _, ok := service.destinations[netip.AddrPortFrom(dest.Address, dest.Port)]; !ok {
				return false
			}
		}
	}
	return true
}

// TestDiffRoundTrip: for any two states, the changes lead from one to the other, and their
// inverses back. Changes that end connections come last, and objects in both states exist
// at any time.
func TestDiffRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		have, want := randomServices(r), randomServices(r)
		kept := intersection(have, want)
		changes := ipvs.Diff(have, want)
		kernel := newModel(have)
		for _, c := range changes {
			require.NoError(t, kernel.apply(c))
			if !kernel.contains(kept) {
				require.Fail(t, "an object of both states is missing", "after %s", c)
			}
		}
		require.Equal(t, newModel(want), kernel)
		require.True(t, slices.IsSortedFunc(changes, func(a, b ipvs.Change) int {
			return asInt(a.Disrupts()) - asInt(b.Disrupts())
		}))
		for _, c := range slices.Backward(changes) {
			require.Equal(t, c, c.Inverse().Inverse())
			require.NoError(t, kernel.apply(c.Inverse()))
		}
		require.Equal(t, newModel(have), kernel)
	}
}

// intersection returns the services and destinations that are in both states.
func intersection(have, want []ipvs.VirtualService) []ipvs.VirtualService {
	before := newModel(have)
	var both []ipvs.VirtualService
	for _, s := range want {
		was, ok := before[s.Key]
		if !ok {
			continue
		}
		s.Destinations = slices.DeleteFunc(slices.Clone(s.Destinations), func(dest ipvs.Destination) bool {
			_, ok := was.destinations[netip.AddrPortFrom(dest.Address, dest.Port)]
			return !ok
		})
		both = append(both, s)
	}
	return both
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestDiffOfTheSame(t *testing.T) {
	want := ipvs.Compile(parse(t, twoFamilies))
	have := ipvs.Compile(parse(t, twoFamilies))
	slices.Reverse(have)
	slices.Reverse(have[1].Destinations)
	have[1].Destinations[0].Connections = ipvs.Connections{Active: 7, Inactive: 8, Persistent: 9}
	assert.Empty(t, ipvs.Diff(have, want))
}

func TestDiffOrder(t *testing.T) {
	have := ipvs.Compile(parse(t, twoFamilies))
	want := ipvs.Compile(parse(t, twoFamilies))
	want[0].SchedName, want[0].Timeout = "rr", 10*time.Minute
	want[0].Destinations[0].Weight = 5
	want[0].Destinations[1].Port = 8021     // another destination for the kernel
	want[1].Key.Mark, want[1].Flags = 80, 4 // another service
	want = append(want, handMade())

	var got []string
	for _, c := range ipvs.Diff(have, want) {
		got = append(got, fmt.Sprintf("%-6s %-11s %s", c.Verb(), c.Kind(), c))
	}
	assert.Equal(t, []string{
		"add    service     add service fwmark 80 IPv4: -s mh -o",
		"add    real-server add real server 10.0.0.13 of fwmark 80 IPv4: -i -w 1 --tun-type ipip",
		"add    service     add service fwmark 5 IPv4: -s sh -p 10 -M 255.0.255.0 --pe sip -o -b sh-fallback,sh-port",
		"add    real-server add real server 10.0.0.1:80 of fwmark 5 IPv4: -i -w 3 -x 10 -y 5 --tun-type gue --tun-port 6080 --tun-remcsum",
		"add    real-server add real server 2001:db8::1 of fwmark 5 IPv4: -i -w 1 --tun-type gre --tun-csum",
		"edit   service     service fwmark 21 IPv4: scheduler wlc -> rr, persistence 300s -> 600s",
		"add    real-server add real server 10.0.0.11:8021 of fwmark 21 IPv4: -g -w 65535",
		"edit   real-server real server 10.0.0.12 of fwmark 21 IPv4: weight 1 -> 5",
		"delete real-server delete real server 10.0.0.11 of fwmark 21 IPv4",
		"delete real-server delete real server 10.0.0.13 of fwmark 4294967295 IPv4",
		"delete service     delete service fwmark 4294967295 IPv4",
	}, got)
}

func TestChangeTexts(t *testing.T) {
	service := ipvs.Service{Key: ipvs.Key{Mark: 21, Family: config.IPv6}, SchedName: "wlc", Netmask: 128}
	previous := service
	previous.Timeout, previous.Netmask = time.Minute, 64
	dest := ipvs.Destination{Address: netip.MustParseAddr("2001:db8::1"), Weight: 1}
	localNode := dest
	localNode.RawForwarding = 1

	for _, tt := range []struct {
		name                       string
		change                     ipvs.Change
		where, before, after, text string
		disrupts                   bool
	}{
		{
			name:   "edit service",
			change: ipvs.Change{Op: ipvs.EditService, Previous: previous, Service: service},
			before: "-f 21 -6 -s wlc -p 60 -M 64", after: "-f 21 -6 -s wlc",
			text: "service fwmark 21 IPv6: persistence 60s -> none, netmask 64 -> 128",
		},
		{
			name:     "delete service",
			change:   ipvs.Change{Op: ipvs.DelService, Service: service},
			before:   "-f 21 -6 -s wlc",
			text:     "delete service fwmark 21 IPv6",
			disrupts: true,
		},
		{
			name:   "edit server",
			change: ipvs.Change{Op: ipvs.EditDestination, Service: service, Before: localNode, After: dest},
			where:  "service fwmark 21 IPv6",
			before: "[2001:db8::1]:0 -g -w 1 (local node)", after: "[2001:db8::1]:0 -m -w 1",
			text: "real server 2001:db8::1 of fwmark 21 IPv6: forwarding local node -> nat",
		},
		{
			name:     "delete server",
			change:   ipvs.Change{Op: ipvs.DelDestination, Service: service, Before: dest},
			where:    "service fwmark 21 IPv6",
			before:   "[2001:db8::1]:0 -m -w 1",
			text:     "delete real server 2001:db8::1 of fwmark 21 IPv6",
			disrupts: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.where, tt.change.Where())
			assert.Equal(t, tt.before, tt.change.BeforeText())
			assert.Equal(t, tt.after, tt.change.AfterText())
			assert.Equal(t, tt.text, tt.change.String())
			assert.Equal(t, tt.disrupts, tt.change.Disrupts())
			inverse := tt.change.Inverse()
			assert.Equal(t, tt.after, inverse.BeforeText())
			assert.Equal(t, tt.before, inverse.AfterText())
		})
	}
}

package config

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBindings(t *testing.T) {
	v4, v6 := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8::1")
	web := []PortRange{{TCP, 80, 80}}
	both := Cluster{
		Name: "both", Mark: 7, VIPs: SingleAddresses(v6, v4), Ports: web,
		RealServers: []RealServer{{Address: netip.MustParseAddr("fd00::1")}, {Address: netip.MustParseAddr("10.0.0.1")}},
	}
	single := Cluster{
		Name: "single", Mark: 8, VIPs: SingleAddresses(v4), Ports: web,
		RealServers: []RealServer{{Address: netip.MustParseAddr("10.0.0.2")}},
	}
	spec := &Spec{Clusters: []Cluster{both, single}}

	assert.Equal(t, []Binding{
		{&spec.Clusters[0], 7, IPv4, SingleAddresses(v4), web, both.RealServers[1:], false},
		{&spec.Clusters[1], 8, IPv4, SingleAddresses(v4), web, single.RealServers, false},
	}, spec.Bindings(IPv4))
	assert.Equal(t, []Binding{
		{&spec.Clusters[0], 7, IPv6, SingleAddresses(v6), web, both.RealServers[:1], false},
	}, spec.Bindings(IPv6))
	assert.Equal(t, []uint32{7}, both.Marks(), "two bindings, one mark")
}

package impact

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestServerEdited: established connections keep their forwarding method, but not the
// settings of a tunnel. Each impact names the cluster and the real server.
func TestServerEdited(t *testing.T) {
	const counts = "; 2 active, 1 inactive, 3 persistent"
	tunnel := func(port uint16) func(*ipvs.Destination) {
		return func(d *ipvs.Destination) { d.Forwarding, d.Tunnel = config.Tunnel, ipvs.Tunnel{Type: 1, Port: port} }
	}
	set := func(weight int) func(*ipvs.Destination) {
		return func(d *ipvs.Destination) { d.Weight = weight }
	}
	limit := func(upper, lower uint32) func(*ipvs.Destination) {
		return func(d *ipvs.Destination) { d.UpperThreshold, d.LowerThreshold = upper, lower }
	}
	for _, c := range []struct {
		before, after func(*ipvs.Destination)
		active        uint32
		want          Impact
	}{
		{set(1), set(0), 2, Impact{Effect: Drains, Detail: "no new clients" + counts}},
		{set(0), set(0), 2, Impact{Effect: Safe}},
		{set(0), set(1), 2, Impact{Effect: Safe}},
		{set(2), set(1), 2, Impact{Effect: Safe}},
		{tunnel(1), tunnel(2), 2, Impact{Effect: Cuts, Connections: 2, Detail: "the tunnel encapsulation changes" + counts}},
		{tunnel(1), tunnel(2), 0, Impact{Effect: Safe}},
		{tunnel(1), tunnel(2), 1, Impact{Effect: Cuts, Connections: 1, Detail: "the tunnel encapsulation changes; 1 active, 1 inactive, 3 persistent"}},
		{set(0), tunnel(2), 2, Impact{Effect: Safe, Detail: "existing connections keep their forwarding method" + counts}},
		{
			func(d *ipvs.Destination) { d.RawForwarding = 1 }, func(d *ipvs.Destination) { d.RawForwarding = 5 }, 2,
			Impact{Effect: Safe, Detail: "existing connections keep their forwarding method" + counts},
		},
		{limit(1, 0), limit(5, 0), 2, Impact{Effect: Safe}},
		{limit(0, 0), limit(3, 0), 2, Impact{Effect: Drains, Detail: "at most one new client while it has 3 connections or more" + counts}},
		{limit(0, 0), limit(4, 0), 2, Impact{Effect: Safe}},
		{limit(5, 3), limit(3, 3), 2, Impact{Effect: Drains, Detail: "at most one new client while it has 3 connections or more" + counts}},
		{limit(3, 0), limit(2, 0), 2, Impact{Effect: Safe}},
		{limit(5, 3), limit(0, 0), 2, Impact{Effect: Safe, Detail: "removes upper threshold 5, lower threshold 3"}},
		{func(d *ipvs.Destination) { d.Weight, d.UpperThreshold, d.LowerThreshold = 1, 5, 3 }, func(d *ipvs.Destination) { d.Weight, d.UpperThreshold, d.LowerThreshold = 0, 0, 0 }, 2, Impact{Effect: Drains, Detail: "no new clients" + counts + "; removes upper threshold 5, lower threshold 3"}},
		{tunnel(7), func(d *ipvs.Destination) { d.Forwarding = config.Tunnel }, 0, Impact{Effect: Safe, Detail: "removes tunnel --tun-type gue --tun-port 7 --tun-nocsum"}},
	} {
		before := ipvs.Destination{Address: netip.MustParseAddr("10.0.0.11"), Connections: ipvs.Connections{Active: c.active, Inactive: 1, Persistent: 3}}
		after := before
		c.before(&before)
		c.after(&after)
		service := ipvs.Service{Key: ipvs.Key{Mark: 21, Family: config.IPv4}}
		c.want.Cluster, c.want.Server = "ftp", "rs1"
		got := newAnalyzer(Input{
			Spec:   parse(t, ftpAndDNS),
			Before: State{Services: []ipvs.VirtualService{{Service: service, Destinations: []ipvs.Destination{before}}}},
		}).service(ipvs.Change{Op: ipvs.EditDestination, Service: service, Before: before, After: after})
		assert.Equal(t, c.want, got)
	}
}

// TestAdditionsSafe: new services and real servers are safe, and a deleted service without
// real servers.
func TestAdditionsSafe(t *testing.T) {
	service := ipvs.Service{Key: ipvs.Key{Mark: 21, Family: config.IPv4}}
	a := newAnalyzer(Input{Spec: parse(t, ftpAndDNS)})
	for _, op := range []ipvs.Op{ipvs.AddService, ipvs.AddDestination, ipvs.DelService} {
		assert.Equal(t, Impact{Effect: Safe}, a.service(ipvs.Change{Op: op, Service: service}))
	}
	a.servers[service.Key] = make([]ipvs.Destination, 1)
	assert.Equal(t, Impact{Effect: Drains, Cluster: "ftp", Detail: "no new connections of fwmark 21 (ftp)"},
		a.service(ipvs.Change{Op: ipvs.DelService, Service: service}))
}

// TestServerNames: the first name of an address in the spec counts; an address without a
// name stays an address.
func TestServerNames(t *testing.T) {
	a := newAnalyzer(Input{Spec: parse(t, `clusters:
- {name: a, mark: 1, vips: [198.51.100.21], ports: [80], real-servers: [{address: 10.0.0.11}, {name: first, address: 10.0.0.12}, {address: 10.0.0.13}]}
- {name: b, mark: 2, vips: [198.51.100.22], ports: [80], real-servers: [{name: later, address: 10.0.0.11}, {name: second, address: 10.0.0.12}]}
- {name: c, mark: 3, vips: [198.51.100.23], ports: [80], real-servers: [{address: 10.0.0.12}]}
`)})
	for address, want := range map[string]string{"10.0.0.11": "later", "10.0.0.12": "first", "10.0.0.13": "10.0.0.13", "10.0.0.14": "10.0.0.14"} {
		assert.Equal(t, want, a.serverName(netip.MustParseAddr(address)))
	}
	assert.Equal(t, "10.0.0.11", newAnalyzer(Input{}).serverName(netip.MustParseAddr("10.0.0.11")))
}

// TestEndsWithServer: a connection ends with a removed real server, whose port is 0 or that
// of the connection, and not with one that is edited.
func TestEndsWithServer(t *testing.T) {
	for _, c := range []struct {
		op   ipvs.Op
		port uint16
		want bool
	}{
		{ipvs.DelDestination, 0, true},
		{ipvs.DelDestination, 21, true},
		{ipvs.DelDestination, 22, false},
		{ipvs.EditDestination, 0, false},
		{ipvs.AddDestination, 0, false},
	} {
		in := plan(t, ftpAndDNS, ftpAndDNS, busyConnections())
		in.Changes.Services = []ipvs.Change{{
			Op: c.op, Service: ipvs.Service{Key: ipvs.Key{Mark: 21, Family: config.IPv4}},
			Before: ipvs.Destination{Address: netip.MustParseAddr("10.0.0.11"), Port: c.port},
		}}
		a := newAnalyzer(in)
		connection := busyConnections().underWay[0]
		assert.Equal(t, c.want, a.endsWithServer(connection), "%v", c)
		connection.RealServer = netip.MustParseAddrPort("10.0.0.99:21")
		assert.False(t, a.endsWithServer(connection))
	}
}

// TestLosesAffinity: each property that assigns clients to real servers counts alone.
func TestLosesAffinity(t *testing.T) {
	persistent := ipvs.Service{SchedName: "wlc", Timeout: 300e9, Netmask: 32, RawNetmask: 1, PEName: "sip"}
	for name, edit := range map[string]func(*ipvs.Service){
		"timeout": func(s *ipvs.Service) { s.Timeout = 0 }, "netmask": func(s *ipvs.Service) { s.Netmask = 24 },
		"raw netmask": func(s *ipvs.Service) { s.RawNetmask = 2 }, "engine": func(s *ipvs.Service) { s.PEName = "" },
	} {
		after := persistent
		edit(&after)
		assert.True(t, losesAffinity(persistent, after), name)
	}
	after := persistent
	after.SchedName, after.Timeout = "rr", 600e9
	assert.False(t, losesAffinity(persistent, after))
	for scheduler, loses := range map[string]bool{
		"sh": true, "dh": true, "mh": true, "lblc": true, "lblcr": true,
		"rr": false, "wrr": false, "lc": false, "wlc": false, "fo": false, "ovf": false, "sed": false, "nq": false,
	} {
		before := ipvs.Service{SchedName: scheduler}
		assert.Equal(t, loses, losesAffinity(before, ipvs.Service{SchedName: "other"}), scheduler)
		assert.False(t, losesAffinity(before, before))
	}
}

// TestNoReadWithoutUDP: services without UDP need no list of connections.
func TestNoReadWithoutUDP(t *testing.T) {
	const spec = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}]\n"
	connections := busyConnections()
	in := plan(t, spec, "", connections)
	r := RemainingConnections(in)
	assert.Zero(t, connections.reads)
	assert.Equal(t, "4 connections left (ftp: 10.0.0.11 2, 10.0.0.12 2), 6 persistence templates", r.String())
	one := Remaining{Connections: Summary{Connections: 1}, Templates: 1}
	assert.Equal(t, "1 connection left, 1 persistence template", one.String())
	assert.Equal(t, "0 persistence templates", Remaining{}.String())
}

// TestForwardingOff: each sysctl of forwarding stops the replies of real servers behind nat
// of its family.
func TestForwardingOff(t *testing.T) {
	server := func(forwarding config.Forwarding, active uint32) ipvs.Destination {
		return ipvs.Destination{Forwarding: forwarding, Connections: ipvs.Connections{Active: active}}
	}
	for _, c := range []struct {
		name, after string
		servers     []ipvs.Destination
		want        string
	}{
		{"net.ipv4.ip_forward", "0", []ipvs.Destination{server(config.NAT, 2), server(config.Direct, 4)}, "cuts 2 connections: replies of 1 real server behind nat are no longer forwarded"},
		{"net.ipv4.conf.all.forwarding", "0", []ipvs.Destination{server(config.NAT, 0)}, "drains: replies of 1 real server behind nat are no longer forwarded"},
		{"net.ipv4.ip_forward", "1", []ipvs.Destination{server(config.NAT, 2)}, "safe"},
		{"net.ipv4.ip_forward", "0", []ipvs.Destination{server(config.Direct, 4)}, "safe"},
		{"net.ipv6.conf.all.forwarding", "0", []ipvs.Destination{server(config.NAT, 2)}, "safe"},
		{"net.ipv4.vs.conntrack", "0", []ipvs.Destination{server(config.NAT, 2)}, "safe"},
	} {
		a := newAnalyzer(Input{Before: State{Services: []ipvs.VirtualService{{Service: ipvs.Service{Key: ipvs.Key{Mark: 21, Family: config.IPv4}}, Destinations: c.servers}}}})
		assert.Equal(t, c.want, a.setting(SettingChange{Name: c.name, Before: "1", After: c.after}).String(), c.name)
	}
}

package impact

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestServiceEdited edits services such that clients may reach another real server, with
// FTP and without.
func TestServiceEdited(t *testing.T) {
	const cluster = "clusters: [{name: c, mark: 21, vips: [198.51.100.21], FTP, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}]\n"
	original := ipvs.Service{Key: ipvs.Key{Mark: 21, Family: config.IPv4}, SchedName: "wlc", Timeout: 300e9, Netmask: 32}
	with := func(change func(*ipvs.Service)) ipvs.Service {
		h := original
		change(&h)
		return h
	}
	none := func(scheduler string) ipvs.Service {
		return with(func(h *ipvs.Service) { h.SchedName, h.Timeout = scheduler, 0 })
	}
	hashed := func(scheduler string) ipvs.Service {
		return with(func(h *ipvs.Service) { h.SchedName, h.Timeout, h.Flags = scheduler, 0, ipvs.SHPort })
	}
	for _, c := range []struct {
		name            string
		previous, after ipvs.Service
		servers         int
		ftp, elsewhere  Effect
	}{
		{"no persistence", original, none("wlc"), 2, Cuts, Drains},
		{"no persistence, one real server", original, none("wlc"), 1, Safe, Safe},
		{"wider netmask", original, with(func(h *ipvs.Service) { h.Netmask = 24 }), 2, Cuts, Drains},
		{"netmask that is no prefix", original, with(func(h *ipvs.Service) { h.Netmask, h.RawNetmask = 0, 0xff00ff00 }), 2, Cuts, Drains},
		{"longer", original, with(func(h *ipvs.Service) { h.Timeout = 600e9 }), 2, Safe, Safe},
		{"another scheduler", original, with(func(h *ipvs.Service) { h.SchedName = "rr" }), 2, Safe, Safe},
		{"persistence", none("wlc"), original, 2, Safe, Safe},
		{"another scheduler, without persistence", none("wlc"), none("rr"), 2, Safe, Safe},
		{"no longer by address", none("sh"), none("rr"), 2, Cuts, Drains},
		{"no longer by address alone", none("sh"), hashed("sh"), 2, Cuts, Drains},
		{"never by address alone", hashed("mh"), none("rr"), 2, Safe, Safe},
		{"by address again", hashed("mh"), none("mh"), 2, Safe, Safe},
		{"a flag of another scheduler", none("dh"), with(func(h *ipvs.Service) { h.SchedName, h.Timeout, h.Flags = "dh", 0, ipvs.SHPort }), 2, Safe, Safe},
	} {
		for text, want := range map[string]Effect{"ftp: ": c.ftp, "ports: [80]": c.elsewhere} {
			servers := ipvs.Compile(parse(t, strings.Replace(cluster, "FTP", text, 1)))[0].Destinations[:c.servers]
			servers[0].Connections.Active = 3
			spec := parse(t, strings.Replace(cluster, "FTP", text, 1))
			impact := Analyze(Input{
				Spec:    spec,
				Before:  State{Services: []ipvs.VirtualService{{Service: c.previous, Destinations: servers}}},
				After:   State{Services: []ipvs.VirtualService{{Service: c.after, Destinations: servers}}},
				Changes: Changes{Services: []ipvs.Change{{Op: ipvs.EditService, Previous: c.previous, Service: c.after}}},
			}).Services[0]
			assert.Equal(t, want, impact.Effect, "%s: %s", c.name, text)
			if want == Cuts {
				assert.Equal(t, 3, impact.Connections, c.name)
				assert.Contains(t, impact.Detail, "an FTP session's next data connection may reach another real server")
			}
		}
	}
}

// TestOnePacket turns one-packet scheduling on and off.
func TestOnePacket(t *testing.T) {
	key := ipvs.Key{Mark: 53, Family: config.IPv4}
	flows := ipvs.Service{Key: key, SchedName: "rr", Netmask: 32}
	packets := flows
	packets.Flags = ipvs.OnePacket
	server := func(method config.Forwarding, last byte) ipvs.Destination {
		return ipvs.Destination{Address: netip.AddrFrom4([4]byte{10, 0, 0, last}), Weight: 1, Forwarding: method}
	}
	for want, servers := range map[string][]ipvs.Destination{
		"": {server(config.Direct, 1)},
		"each packet of a new flow may reach another real server":                                         {server(config.Direct, 1), server(config.Tunnel, 2)},
		"answers to new flows come from the addresses of the real servers with nat, which clients refuse": {server(config.Direct, 1), server(config.NAT, 2)},
	} {
		state := func(s ipvs.Service) State {
			return State{Services: []ipvs.VirtualService{{Service: s, Destinations: servers}}}
		}
		analyze := func(before, after ipvs.Service) Impact {
			return Analyze(Input{
				Spec: parse(t, "clusters: [{name: dns, mark: 53, vips: [198.51.100.53], ports: [udp/53], real-servers: [{address: 10.0.0.1}]}]\n"), Before: state(before), After: state(after),
				Changes: Changes{Services: []ipvs.Change{{Op: ipvs.EditService, Previous: before, Service: after}}},
			}).Services[0]
		}
		assert.Equal(t, want, analyze(flows, packets).Detail)
		assert.Equal(t, want == "", analyze(flows, packets).Effect == Safe)
		assert.Equal(t, Safe, analyze(packets, flows).Effect)
	}
}

// TestServiceRemovals takes over a service with properties that a spec does not have: each is
// named.
func TestServiceRemovals(t *testing.T) {
	key := ipvs.Key{Mark: 21, Family: config.IPv4}
	plain := ipvs.Service{Key: key, SchedName: "sh", Timeout: 300e9, Netmask: 32}
	for want, before := range map[string]ipvs.Service{
		"": plain,
		"removes one-packet scheduling, scheduler flags sh-fallback,flag-3, flags 0x1000": {Key: key, SchedName: "sh", Timeout: 300e9, Netmask: 32, Flags: 0x102c},
		"removes persistence engine sip":          {Key: key, SchedName: "sh", Timeout: 300e9, Netmask: 32, PEName: "sip"},
		"removes persistence netmask 255.255.0.0": {Key: key, SchedName: "sh", Timeout: 300e9, Netmask: 16},
		"removes persistence netmask 255.0.255.0": {Key: key, SchedName: "sh", Timeout: 300e9, RawNetmask: 0xff00ff00},
	} {
		got := newAnalyzer(Input{}).service(ipvs.Change{Op: ipvs.EditService, Previous: before, Service: plain})
		assert.Equal(t, Impact{Effect: Safe, Detail: want}, got)
		assert.Empty(t, newAnalyzer(Input{}).service(ipvs.Change{Op: ipvs.EditService, Previous: plain, Service: before}).Detail)
	}
	once := plain
	once.Timeout = 0
	assert.Equal(t, "removes persistence of 300s", newAnalyzer(Input{}).service(ipvs.Change{Op: ipvs.EditService, Previous: plain, Service: once}).Detail)
}

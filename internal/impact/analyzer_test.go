package impact

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// fakeConnections implements Connections without a kernel.
type fakeConnections struct {
	underWay   []ipvs.Connection
	translated []netip.AddrPort
	err        error // returned by both methods
	reads      int   // calls of both methods
}

var _ Connections = (*fakeConnections)(nil)

func (f *fakeConnections) UnderWay() iter.Seq2[ipvs.Connection, error] {
	f.reads++
	return func(yield func(ipvs.Connection, error) bool) {
		for _, c := range f.underWay {
			if !yield(c, nil) {
				return
			}
		}
		if f.err != nil {
			yield(ipvs.Connection{}, f.err)
		}
	}
}

func (f *fakeConnections) Translated(family config.Family) (list []netip.AddrPort, err error) {
	f.reads++
	for _, source := range f.translated {
		if config.FamilyOf(source.Addr()) == family {
			list = append(list, source)
		}
	}
	return list, f.err
}

// ftpAndDNS has a cluster on one VIP and one with UDP on another.
const ftpAndDNS = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    vip-device: wan
    ftp: {active-data: {translate: masquerade, source: 10.0.0.0/24}}
    real-servers: [{name: rs1, address: 10.0.0.11}, {name: rs2, address: 10.0.0.12}]
  - name: dns
    mark: 53
    vips: [198.51.100.53]
    vip-device: wan
    ports: [53, udp/53]
    real-servers: [{name: rs1, address: 10.0.0.11}, {address: 10.0.0.13}]
`

// Specs with further keys.
var (
	withSourceNAT = strings.Replace(ftpAndDNS, "mark: 21", "mark: 21\n    source-nat: masquerade", 1)
	furtherHooks  = ftpAndDNS + "director: {keep-marks: true, local-clients: true}\n"
)

// busyConnections returns two connections of ftp with each real server, and three UDP
// connections of dns with the first.
func busyConnections() *fakeConnections {
	f := &fakeConnections{translated: []netip.AddrPort{
		netip.MustParseAddrPort("10.0.0.12:20"), netip.MustParseAddrPort("10.0.0.12:21"), netip.MustParseAddrPort("10.0.1.12:20"), netip.MustParseAddrPort("[fd00::1]:20"),
	}}
	add := func(n int, p config.Protocol, vip, server string) {
		for range n {
			f.underWay = append(f.underWay, ipvs.Connection{Protocol: p, VIP: netip.MustParseAddrPort(vip), RealServer: netip.MustParseAddrPort(server)})
		}
	}
	add(1, config.TCP, "198.51.100.21:21", "10.0.0.11:21")
	add(1, config.TCP, "198.51.100.21:12345", "10.0.0.11:12345")
	add(2, config.TCP, "198.51.100.21:21", "10.0.0.12:21")
	add(3, config.UDP, "198.51.100.53:53", "10.0.0.11:53")
	return f
}

// plan returns the changes from one spec to another, with counts of connections.
func plan(t *testing.T, from, to string, connections *fakeConnections) Input {
	t.Helper()
	old := parse(t, from)
	in := Input{
		Before:      State{Ruleset: nft.Compile(old), Services: ipvs.Compile(old)},
		After:       State{Ruleset: &nft.Ruleset{}},
		Addresses:   hostaddr.Compile(old),
		Connections: connections,
	}
	for _, s := range in.Before.Services {
		for i := range s.Destinations {
			if s.Mark == 21 {
				s.Destinations[i].Connections = ipvs.Connections{Active: 2, Inactive: 1, Persistent: 3}
			} else {
				s.Destinations[i].Connections = ipvs.Connections{Inactive: 3}
			}
		}
	}
	if to != "" {
		in.Spec = parse(t, to)
		in.After = State{Ruleset: nft.Compile(in.Spec), Services: ipvs.Compile(in.Spec)}
	}
	in.Changes.Ruleset = nft.Compare(in.Before.Ruleset, in.After.Ruleset).Changes()
	in.Changes.Services = ipvs.Diff(in.Before.Services, in.After.Services)
	return in
}

// disruptive returns the impacts that are not safe, each with its change.
func disruptive(in Input) []string {
	impacts := Analyze(in)
	var list []string
	add := func(impact Impact, what ...any) {
		if impact.Effect != Safe {
			list = append(list, fmt.Sprintln(append(what, impact)...))
		}
	}
	for i, s := range in.Changes.Settings {
		add(impacts.Settings[i], s.Name)
	}
	for i, c := range in.Changes.Services {
		add(impacts.Services[i], c.Verb(), c.Object())
	}
	for i, c := range in.Changes.Ruleset {
		add(impacts.Ruleset[i], c.Op, c.Kind())
	}
	for i, address := range in.Changes.Removed {
		add(impacts.Removed[i], address)
	}
	return list
}

func TestAnalyze(t *testing.T) {
	vip := func(device, address string) []hostaddr.Address {
		return []hostaddr.Address{{Device: device, IP: netip.MustParseAddr(address)}}
	}
	const without2 = ", {name: rs2, address: 10.0.0.12}]"
	for _, c := range []struct {
		name, from, to string // from is ftpAndDNS by default
		prepare        func(*Input)
		want           []string
		reads          int
	}{
		{name: "the same", to: ftpAndDNS},
		{name: "a real server removed", to: change(t, ftpAndDNS, without2, "]"), reads: 1, want: []string{
			"delete real server 10.0.0.12 of fwmark 21 IPv4 cuts 2 connections of ftp with 10.0.0.12: 2 active, 1 inactive, 3 persistent\n",
		}},
		{name: "a real server with flows of UDP removed", to: change(t, ftpAndDNS, "[{name: rs1, address: 10.0.0.11}, {address: 10.0.0.13}]", "[{address: 10.0.0.13}]"), reads: 1, want: []string{
			"delete real server 10.0.0.11 of fwmark 53 IPv4 cuts 3 connections of dns with rs1: 0 active, 3 inactive, 0 persistent; 3 flows of UDP\n",
		}},
		{name: "weight 0", to: change(t, ftpAndDNS, without2, ", {name: rs2, address: 10.0.0.12, weight: 0}]"), want: []string{
			"edit real server 10.0.0.12 of fwmark 21 IPv4 drains: no new clients; 2 active, 1 inactive, 3 persistent\n",
		}},
		{name: "fewer passive ports", to: change(t, ftpAndDNS, "ftp: {", "ftp: {passive-ports: 10000-12000, "), reads: 1, want: []string{
			"delete element drains: no new connections to ports 12001-20000 of fwmark 21 (ftp); 1 established connection not affected\n",
		}},
		{name: "fewer passive ports, and the real server removed", to: change(t, ftpAndDNS, "ftp: {", "ftp: {passive-ports: 10000-12000, ", "{name: rs1, address: 10.0.0.11}, {name: rs2", "{name: rs2"), reads: 1, want: []string{
			"delete real server 10.0.0.11 of fwmark 21 IPv4 cuts 2 connections of ftp with rs1: 2 active, 1 inactive, 3 persistent\n",
			"delete element drains: no new connections to ports 12001-20000 of fwmark 21 (ftp)\n",
		}},
		{name: "no translation", to: change(t, ftpAndDNS, "translate: masquerade, source: 10.0.0.0/24", "translate: none"), reads: 1, want: []string{
			"delete element drains: new active data connections from these addresses keep their source address\n",
			"delete chain cuts 1 connection: established active data connections are no longer translated\n",
		}},
		{name: "source-nat on", to: withSourceNAT, want: []string{
			"add element cuts 4 connections of ftp: the next data connection of an FTP session comes from another address, which FTP servers refuse\n",
		}},
		{name: "source-nat on, and a real server removed", to: change(t, withSourceNAT, without2, "]"), reads: 1, want: []string{
			"delete real server 10.0.0.12 of fwmark 21 IPv4 cuts 2 connections of ftp with 10.0.0.12: 2 active, 1 inactive, 3 persistent\n",
			"add element cuts 2 connections of ftp: the next data connection of an FTP session comes from another address, which FTP servers refuse\n",
		}},
		{name: "source-nat on, of a cluster without FTP", to: strings.Replace(ftpAndDNS, "mark: 53", "mark: 53\n    source-nat: masquerade", 1), want: nil},
		{name: "source-nat off", from: withSourceNAT, to: ftpAndDNS, want: []string{
			"delete element cuts 4 connections of ftp: the next data connection of an FTP session comes from another address, which FTP servers refuse; real servers see the addresses of new clients, and need a route to them through the director\n",
		}},
		{name: "source-nat off, no other nat chain", from: change(t, withSourceNAT, "translate: masquerade, source: 10.0.0.0/24", "translate: none"), to: change(t, ftpAndDNS, "translate: masquerade, source: 10.0.0.0/24", "translate: none"), reads: 1, want: []string{
			"delete element drains: real servers see the addresses of new clients, and need a route to them through the director\n",
			"delete chain cuts 4 connections: established connections are no longer translated\n",
		}},
		{name: "source-nat off, a real server removed", from: change(t, withSourceNAT, "translate: masquerade, source: 10.0.0.0/24", "translate: none"), to: change(t, ftpAndDNS, "translate: masquerade, source: 10.0.0.0/24", "translate: none", without2, "]"), reads: 1, want: []string{
			"delete real server 10.0.0.12 of fwmark 21 IPv4 cuts 2 connections of ftp with 10.0.0.12: 2 active, 1 inactive, 3 persistent\n",
			"delete element drains: real servers see the addresses of new clients, and need a route to them through the director\n",
			"delete chain cuts 2 connections: established connections are no longer translated\n",
		}},
		{name: "another source-nat", from: withSourceNAT, to: change(t, withSourceNAT, "source-nat: masquerade", "source-nat: snat"), want: []string{
			"delete element cuts 4 connections of ftp: the next data connection of an FTP session comes from another address, which FTP servers refuse\n",
		}},
		{name: "marks in further hooks", from: furtherHooks, to: ftpAndDNS, want: []string{
			"delete chain drains: new connections of programs on the director reach only VIPs that are its addresses, and get no source-nat\n",
		}},
		{name: "addresses removed", to: ftpAndDNS, reads: 1, prepare: func(in *Input) {
			in.Changes.Removed = in.Addresses
		}, want: []string{
			"198.51.100.21 on wan cuts 4 connections of ftp: no new connections to 198.51.100.21\n",
			"198.51.100.53 on wan cuts 3 connections of dns: no new connections to 198.51.100.53\n",
		}},
		{name: "an address with one connection removed", to: ftpAndDNS, reads: 1, prepare: func(in *Input) {
			in.Changes.Removed = vip("wan", "198.51.100.21")
			connections := in.Connections.(*fakeConnections)
			connections.underWay = connections.underWay[:1]
		}, want: []string{"198.51.100.21 on wan cuts 1 connection of ftp: no new connections to 198.51.100.21\n"}},
		{name: "an address and a real server removed", to: change(t, ftpAndDNS, without2, "]"), reads: 1, prepare: func(in *Input) {
			in.Changes.Removed = vip("wan", "198.51.100.21")
		}, want: []string{
			"delete real server 10.0.0.12 of fwmark 21 IPv4 cuts 2 connections of ftp with 10.0.0.12: 2 active, 1 inactive, 3 persistent\n",
			"198.51.100.21 on wan cuts 2 connections of ftp: no new connections to 198.51.100.21; 2 are counted with their real servers\n",
		}},
		{name: "an address on another device too", to: ftpAndDNS, prepare: func(in *Input) {
			in.Changes.Removed = vip("wan", "198.51.100.21")
			in.Addresses = append(in.Addresses, vip("lo", "198.51.100.21")...)
		}},
		{name: "an address to another device", to: ftpAndDNS, prepare: func(in *Input) {
			in.Changes.Removed, in.Changes.Added = vip("wan", "198.51.100.21"), vip("lan", "198.51.100.21")
		}, want: []string{"198.51.100.21 on wan drains: no new connections until it is on device lan\n"}},
		{name: "the VIP of marks removed too", to: change(t, ftpAndDNS, "ftp: {", "ftp: {passive-ports: 10000-12000, "), reads: 1, prepare: func(in *Input) {
			in.Changes.Removed = vip("wan", "198.51.100.21")
		}, want: []string{
			"delete element drains: no new connections to ports 12001-20000 of fwmark 21 (ftp)\n",
			"198.51.100.21 on wan cuts 4 connections of ftp: no new connections to 198.51.100.21\n",
		}},
		{name: "forwarding off", to: ftpAndDNS, prepare: func(in *Input) {
			in.Changes.Settings = []SettingChange{{"net.ipv4.ip_forward", "1", "0"}, {"net.ipv4.ip_forward", "0", "1"}, {"net.ipv6.conf.all.forwarding", "1", "0"}}
		}, want: []string{"net.ipv4.ip_forward cuts 4 connections: replies of 4 real servers behind nat are no longer forwarded\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			connections := busyConnections()
			in := plan(t, cmp.Or(c.from, ftpAndDNS), c.to, connections)
			if c.prepare != nil {
				c.prepare(&in)
			}
			assert.Equal(t, c.want, disruptive(in))
			assert.Equal(t, c.reads, connections.reads, "reads of the connections")
		})
	}
}

// TestUnknown: if connections cannot be read, the impacts that depend on them are unknown.
func TestUnknown(t *testing.T) {
	in := plan(t, ftpAndDNS, "", &fakeConnections{err: errors.New("broken")})
	in.Changes.Removed = in.Addresses
	summary := Sum(func(yield func(Impact) bool) {
		impacts := Analyze(in)
		for _, list := range [][]Impact{impacts.Services, impacts.Ruleset, impacts.Removed} {
			for _, i := range list {
				if !yield(i) {
					return
				}
			}
		}
	})
	assert.Equal(t, "drains 5, cuts 4 connections (ftp: 10.0.0.11 2, 10.0.0.12 2), cuts an unknown number of connections", summary.String())
}

func TestRemainingConnections(t *testing.T) {
	connections := busyConnections()
	in := plan(t, ftpAndDNS, "", connections)
	in.Spec = parse(t, ftpAndDNS) // for the names
	r := RemainingConnections(in)
	assert.Equal(t, "7 connections left (ftp: rs1 2, rs2 2; dns: rs1 3), 6 persistence templates", r.String())
	assert.True(t, r.Any())

	for _, s := range in.Before.Services {
		for i := range s.Destinations {
			s.Destinations[i].Connections = ipvs.Connections{Persistent: 1}
		}
	}
	in.Connections = &fakeConnections{}
	r = RemainingConnections(in)
	assert.Equal(t, "4 persistence templates", r.String())
	assert.False(t, r.Any())
}

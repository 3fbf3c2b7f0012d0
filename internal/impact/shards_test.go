package impact

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// TestShardMove: a real server that gets another shard is told what its FTP server needs, also
// if it has no connection now.
func TestShardMove(t *testing.T) {
	const yaml = `clusters:
- {name: ftp, mark: 21, vips: [198.51.100.21], ftp: {passive-ports: 10000-10399, passive-shards: 4}, real-servers: [{address: 10.0.0.11}, {name: rs3, address: 10.0.0.13}, {address: 10.0.0.14, shard: 3}]}
`
	const moves = "moves to ftp/1: new data connections fail until its FTP server has the ports 10100-10199; "
	for _, c := range []struct {
		name, service, address string
		active                 uint32
		want                   string
	}{
		{"removed from the cluster", "ftp/1", "10.0.0.12", 0, "safe: 0 active, 0 inactive, 0 persistent"},
		{"moved", "ftp/2", "10.0.0.13", 0, "drains: " + moves + "0 active, 0 inactive, 0 persistent"},
		{"moved, with connections", "ftp/2", "10.0.0.13", 2, "cuts 2 connections of ftp with rs3: " + moves + "2 active, 0 inactive, 0 persistent"},
		{"another mark of the same shard", "ftp/3", "10.0.0.14", 0, "safe: 0 active, 0 inactive, 0 persistent"},
		{"the service of the control ports", "ftp", "10.0.0.13", 0, "safe: 0 active, 0 inactive, 0 persistent"},
		{"another cluster", "other/2", "10.0.0.13", 0, "safe: 0 active, 0 inactive, 0 persistent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			key := ipvs.Key{Mark: 90, Family: config.IPv4}
			d := ipvs.Destination{Address: netip.MustParseAddr(c.address), Weight: 1, Connections: ipvs.Connections{Active: c.active}}
			change := ipvs.Change{Op: ipvs.DelDestination, Service: ipvs.Service{Key: key}, Before: d}
			in := plan(t, yaml, yaml, busyConnections())
			in.Before.Services = []ipvs.VirtualService{{Service: ipvs.Service{Key: key}, Destinations: []ipvs.Destination{d}}}
			in.Changes.Services = []ipvs.Change{change}
			a := newAnalyzer(in)
			a.before[key], a.names[key] = c.service, c.service
			assert.Equal(t, c.want, a.service(change).String())
		})
	}
	t.Run("the cluster is renamed", func(t *testing.T) {
		a := newAnalyzer(plan(t, yaml, yaml, busyConnections()))
		control, shard := ipvs.Key{Mark: 21, Family: config.IPv4}, ipvs.Key{Mark: 90, Family: config.IPv4}
		a.before[control], a.before[shard] = "former", "former/2"
		assert.Equal(t, strings.TrimSuffix(moves, "; "), a.shardMove(shard, netip.MustParseAddr("10.0.0.13")))
		a.before[shard] = "former/1"
		assert.Empty(t, a.shardMove(shard, netip.MustParseAddr("10.0.0.13")), "it has this shard again")
		a.before[control] = "another"
		assert.Empty(t, a.shardMove(shard, netip.MustParseAddr("10.0.0.13")), "the mark was that of another cluster")
	})
	assert.Empty(t, newAnalyzer(Input{}).shardMove(ipvs.Key{Mark: 90, Family: config.IPv4}, netip.MustParseAddr("10.0.0.13")), "without a spec")
}

// TestShardsOfFamilies: the ports of shards change in the tables of both families; each change has
// the VIPs of its own family.
func TestShardsOfFamilies(t *testing.T) {
	const yaml = `clusters:
- {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ftp: {passive-ports: 10000-10399, passive-shards: 4}, real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
`
	in := plan(t, yaml, strings.Replace(yaml, "shards: 4", "shards: 4, shard-marks: 100", 1), busyConnections())
	impacts := Analyze(in)
	found := map[nft.Family]string{}
	for i, c := range in.Changes.Ruleset {
		if _, ok := c.Before.PortMark(); ok && impacts.Ruleset[i].Effect != Safe {
			found[c.Before.Table.Family] += impacts.Ruleset[i].String()
		}
	}
	const want = "new connections to ports 10000-10099 go to fwmark 100 (ftp/0) instead of fwmark 22 (ftp/0)"
	assert.Equal(t, map[nft.Family]string{nft.IPv4: "drains: " + want, nft.IPv6: "drains: " + want}, found)
}

// TestRulesOfFamilies: the same for the rules of ports.
func TestRulesOfFamilies(t *testing.T) {
	const yaml = `clusters:
- {name: web, mark: 80, vips: [198.51.100.80, "2001:db8::80"], ports: [80, udp/53], real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
- {name: all, mark: 81, vips: [198.51.100.81, "2001:db8::81"], ports: [80, udp/53], real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
`
	before := nft.Compile(parse(t, yaml))
	var changes []nft.Change
	for _, c := range nft.Compare(before, &nft.Ruleset{}).Changes() {
		if c.Before.Rule != nil {
			changes = append(changes, c)
		}
	}
	attributions := newAttributions(findConsequences(changes, before, &nft.Ruleset{}))
	for _, vip := range []string{"198.51.100.80", "2001:db8::80"} {
		change := markChange{vips: config.SingleAddress(netip.MustParseAddr(vip))}
		change.PortRange, change.Mark = config.PortRange{Protocol: config.TCP, Low: 80, High: 80}, 80
		found := changes[attributions.of(change)]
		assert.Contains(t, found.BeforeText(), "dport 80 ", vip)
		assert.Equal(t, change.vips.Family(), specFamily(found.Before.Table.Family), vip)
	}
}

// TestShardsRemoved: without shards, the next data connection of a session that one of them had may
// reach another real server, with persistence too: no template remembers the session's real server.
func TestShardsRemoved(t *testing.T) {
	const yaml = `clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: {passive-ports: 10000-10399, passive-shards: 4}, scheduler: rr, real-servers: [{address: 10.0.0.11}, {name: rs2, address: 10.0.0.12}]}]
`
	const shards, scheduler = ", passive-shards: 4}", "scheduler: rr"
	const cuts = "cuts 5 connections of ftp with 10.0.0.11: an FTP session's next data connection may reach another real server; 0 active, 3 inactive, 0 persistent"
	const safe = "safe: 0 active, 3 inactive, 0 persistent"
	for _, c := range []struct {
		name   string
		always []string // replaced in both specs
		next   []string // in the second one
		want   string   // the impact of the shard of 10.0.0.11
	}{
		{"persistence", nil, []string{shards, "}"}, cuts},
		{"no persistence either", nil, []string{shards, "}", scheduler, "scheduler: rr, persistence: 0"}, cuts},
		{"another scheduler", []string{scheduler, "scheduler: sh"}, []string{shards, "}", "scheduler: sh", "scheduler: wlc"}, cuts},
		{"chosen by address, before and after", []string{scheduler, "scheduler: sh"}, []string{shards, "}"}, safe},
		{"chosen by port", []string{scheduler, "scheduler: sh, scheduler-flags: [sh-port]"}, []string{shards, "}"}, cuts},
		{"one real server", []string{", {name: rs2, address: 10.0.0.12}", ""}, []string{shards, "}"}, safe},
		{"no FTP cluster any more", nil, []string{"ftp: {passive-ports: 10000-10399, passive-shards: 4}", "ports: [21]"}, safe},
		{"renamed", nil, []string{shards, "}", "name: ftp", "name: files"}, cuts},
		{"other marks", nil, []string{shards, ", passive-shards: 4, shard-marks: 100}"}, safe},
		{"the real server leaves the cluster too", nil, []string{shards, "}", "{address: 10.0.0.11}, ", ""}, safe},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := strings.NewReplacer(c.always...).Replace(yaml)
			in := plan(t, before, strings.NewReplacer(c.next...).Replace(before), busyConnections())
			for i := range in.Before.Services {
				if in.Before.Services[i].Mark == 21 {
					in.Before.Services[i].Destinations[0].Connections.Active = 5
				}
			}
			in.Changes.Services = ipvs.Diff(in.Before.Services, in.After.Services)
			impacts := Analyze(in)
			for i, change := range in.Changes.Services {
				if change.Op == ipvs.DelDestination && change.Service.Mark == 22 {
					assert.Equal(t, c.want, impacts.Services[i].String())
					assert.Equal(t, c.want != safe, impacts.Services[i].Reassigns, "a drain does not prevent it")
					return
				}
			}
			assert.Fail(t, "the shard is not deleted")
		})
	}
}

// TestSessionsOfTwoShards: a real server that another program added to a shard of another one has its
// sessions once.
func TestSessionsOfTwoShards(t *testing.T) {
	const yaml = `clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: {passive-ports: 10000-10399, passive-shards: 4}, scheduler: rr, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}]
`
	in := plan(t, yaml, strings.Replace(yaml, ", passive-shards: 4", "", 1), busyConnections())
	for i := range in.Before.Services {
		if s := &in.Before.Services[i]; s.Mark == 22 {
			s.Destinations = append(s.Destinations, ipvs.Destination{Address: netip.MustParseAddr("10.0.0.12"), Weight: 3})
		}
	}
	in.Changes.Services = ipvs.Diff(in.Before.Services, in.After.Services)
	sessions := 0
	for _, i := range Analyze(in).Services {
		sessions += i.Connections
	}
	assert.Equal(t, 4, sessions, "two of each real server")
}

// TestExtraServerOfShard: a real server that another program added to the shard of another one
// keeps its own.
func TestExtraServerOfShard(t *testing.T) {
	const yaml = `clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: {passive-ports: 10000-10399, passive-shards: 4}, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}]
`
	in := plan(t, yaml, yaml, busyConnections())
	for i := range in.Before.Services {
		if s := &in.Before.Services[i]; s.Mark == 22 {
			s.Destinations = append(s.Destinations, ipvs.Destination{Address: netip.MustParseAddr("10.0.0.12"), Weight: 3})
		}
	}
	in.Changes.Services = ipvs.Diff(in.Before.Services, in.After.Services)
	impacts := Analyze(in)
	if assert.Len(t, impacts.Services, 1) {
		assert.Equal(t, "safe: 0 active, 0 inactive, 0 persistent", impacts.Services[0].String())
	}
}

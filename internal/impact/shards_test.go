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

package impact

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
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
	assert.Empty(t, newAnalyzer(Input{}).shardMove(ipvs.Key{Mark: 90, Family: config.IPv4}, netip.MustParseAddr("10.0.0.13")), "without a spec")
}

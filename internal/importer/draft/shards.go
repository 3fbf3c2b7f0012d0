package draft

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A shard is a cluster of one passive range with one real server of an FTP cluster.
type shard struct {
	of    *cluster
	ports config.PortRange
	real  oldconfig.RealServer

	number int
}

// joinShards makes passive shards of clusters whose ports are a passive range of one real
// server of an FTP cluster.
func (d *Draft) joinShards(servers []*oldconfig.FTPServer) {
	for _, c := range slices.Clone(d.clusters) {
		if c.own {
			continue
		}
		if !c.mayBeControl() || len(c.services) != 1 || c.services[0].Timeout > 0 {
			continue
		}
		shards := d.shardsOf(c)
		if len(shards) == 0 || ftpPorts(c, servers) == nil && slices.ContainsFunc(shards, func(s shard) bool { return s.ports.Width() == 1 }) {
			continue
		}
		passive, ok := passiveOf(shards)
		if !ok || !c.hasAllServers(shards) {
			d.remark(shards[0].of.line(), "the marks %s and others are of one real server each, and not equal parts of the passive ports with consecutive marks, as passive-shards are; they are clusters of their own", markText(shards[0].of.mark))
			continue
		}
		for i := range shards {
			shards[i].number = int(shards[i].of.mark - shards[0].of.mark)
		}
		c.shards, c.passive = shards, passive
		d.clusters = slices.DeleteFunc(d.clusters, func(other *cluster) bool {
			return slices.ContainsFunc(shards, func(s shard) bool { return s.of == other })
		})
	}
}

// mayBeControl reports whether the ports of the cluster are single TCP ports, as control ports
// of FTP are.
func (c *cluster) mayBeControl() bool {
	if c.everyPort || len(c.ports) == 0 {
		return false
	}
	return !slices.ContainsFunc(withSinglePorts(c.ports), func(r config.PortRange) bool { return r.Protocol != config.TCP || r.Low != r.High })
}

// shardsOf returns the clusters that may be shards of the cluster, in the order of their
// ports.
func (d *Draft) shardsOf(c *cluster) []shard {
	var shards []shard
	for _, other := range d.clusters {
		if s, ok := c.shard(other); ok {
			shards = append(shards, s)
		}
	}
	slices.SortFunc(shards, func(a, b shard) int { return cmp.Compare(a.ports.Low, b.ports.Low) })
	return shards
}

func (c *cluster) shard(other *cluster) (shard, bool) {
	sameVIP := func(a, b vip) bool { return a.addresses == b.addresses && a.family == b.family }
	switch {
	case other == c || len(other.services) != 1 || len(other.ports) != 1 || other.ports[0].Protocol != config.TCP,
		!slices.EqualFunc(c.vips, other.vips, sameVIP) || !c.only.equal(other.only):
		return shard{}, false
	}
	service := other.services[0]
	if service.Timeout > 0 || service.Scheduler != config.ShardScheduler || service.Flags != 0 || len(service.RealServers) != 1 {
		return shard{}, false
	}
	real := service.RealServers[0]
	if real.Weight != config.DefaultWeight || real.UpperThreshold+real.LowerThreshold > 0 || real.Port != 0 || real.Disabled || real.Fallback {
		return shard{}, false
	}
	ofCluster := slices.ContainsFunc(c.services[0].RealServers, func(r oldconfig.RealServer) bool {
		return r.Address == real.Address && r.Forwarding == real.Forwarding && r.Tunnel == real.Tunnel
	})
	return shard{of: other, ports: other.ports[0], real: real}, ofCluster
}

// passiveOf returns the passive ports of which the shards are equal parts; false if they are
// not, or if two have the same real server.
func passiveOf(shards []shard) ([]config.PortRange, bool) {
	width, last := shards[0].ports.Width(), len(shards)-1
	ranges := []config.PortRange{shards[0].ports}
	for k, s := range shards[1:] {
		before, end := shards[k], &ranges[len(ranges)-1]
		if s.of.mark <= before.of.mark || s.ports.Width() < width || s.ports.Width() > width && k+1 < last || hasServer(shards[:k+1], s.real) {
			return nil, false
		}
		free, gap := int(s.of.mark-before.of.mark-1)*width, int(s.ports.Low)-int(end.High)-1
		switch {
		case gap == free:
			end.High = s.ports.High
		case gap > free:
			end.High += uint16(free)
			ranges = append(ranges, s.ports)
		default:
			return nil, false
		}
	}
	f := config.FTP{PassivePorts: ranges, Shards: int(shards[last].of.mark-shards[0].of.mark) + 1}
	parts := f.ShardPorts()
	for _, s := range shards {
		if at := int(s.of.mark - shards[0].of.mark); at >= len(parts) || parts[at] != s.ports {
			return nil, false
		}
	}
	return ranges, true
}

func hasServer(shards []shard, r oldconfig.RealServer) bool {
	return slices.ContainsFunc(shards, func(s shard) bool { return s.real.Address == r.Address })
}

// hasAllServers reports whether each real server of the cluster has a shard: a spec has no
// real server without one.
func (c *cluster) hasAllServers(shards []shard) bool {
	return !slices.ContainsFunc(c.services[0].RealServers, func(r oldconfig.RealServer) bool { return !hasServer(shards, r) })
}

// shardOf returns the number of a real server's shard.
func (c *cluster) shardOf(r oldconfig.RealServer) int {
	i := slices.IndexFunc(c.shards, func(s shard) bool { return s.real.Address == r.Address })
	if i < 0 {
		return -1
	}
	return c.shards[i].number
}

func (c *cluster) firstShard() *cluster { return c.shards[0].of }

// shardMarks returns the mark of shard 0.
func (c *cluster) shardMarks() uint32 { return c.firstShard().mark - uint32(c.shards[0].number) }

// shardCount returns the number of shards up to the last one with a real server.
func (c *cluster) shardCount() int {
	count := 0
	for _, s := range c.shards {
		count = max(count, s.number+1)
	}
	return count
}

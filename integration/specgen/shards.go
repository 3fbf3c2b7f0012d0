package specgen

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// setShards gives some FTP clusters passive shards, some of them more than real servers. The
// choice depends on the cluster, so that the rest of the spec does not depend on it.
func (d *draft) setShards(c *config.Cluster) {
	if c.FTP == nil {
		return
	}
	d = &draft{rand.New(rand.NewPCG(uint64(c.Mark), uint64(len(c.VIPs)))), d.spec}
	if !d.oneIn(3) || d.isNested(c) {
		return
	}
	servers := 0
	for _, family := range config.Families() {
		servers = max(servers, len(c.RealServersOf(family)))
	}
	sharded, ftp := *c, *c.FTP
	sharded.FTP = &ftp
	ftp.Shards = servers + d.IntN(4)
	if d.oneIn(6) {
		ftp.Shards = servers + 100
	}
	shards := d.Perm(ftp.Shards)
	place := map[config.Family]int{}
	sharded.RealServers = slices.Clone(c.RealServers)
	for i := range sharded.RealServers {
		server := &sharded.RealServers[i]
		family := config.FamilyOf(server.Address)
		server.Shard = shards[place[family]]
		place[family]++
	}
	ftp.ShardMarks = d.freeShardMarks(&sharded)
	sharded.Persistence, sharded.PersistenceNetmask = 0, 0
	alone := &config.Spec{Clusters: []config.Cluster{sharded}, Director: config.Director{Table: config.DefaultTable}}
	if Check(alone) != nil { // other ports may be in the range, or too few
		*c = sharded
	}
}

// isNested reports whether VIPs of the cluster overlap others.
func (d *draft) isNested(c *config.Cluster) bool {
	return slices.ContainsFunc(d.spec.Clusters, func(other config.Cluster) bool {
		return slices.ContainsFunc(other.VIPs, func(r config.AddressRange) bool {
			return slices.ContainsFunc(c.VIPs, func(vips config.AddressRange) bool { return r != vips && r.Overlaps(vips) })
		})
	})
}

func (d *draft) freeShardMarks(c *config.Cluster) uint32 {
	for {
		first := []uint32{c.Mark + 1, 1 + d.Uint32N(10000), d.Uint32N(1<<31) + 1, 0xffffffff - uint32(c.FTP.Shards) + 1}[d.IntN(4)]
		marks := d.takenMarks(c)
		marks[c.Mark] = true
		free := uint64(first)+uint64(c.FTP.Shards) <= 1<<32 && first > 0
		for i := range c.FTP.Shards {
			free = free && !marks[first+uint32(i)]
		}
		if free {
			return first
		}
	}
}

// takenMarks returns the marks of other clusters with a family of the cluster.
func (d *draft) takenMarks(c *config.Cluster) map[uint32]bool {
	taken := map[uint32]bool{}
	for i := range d.spec.Clusters {
		other := &d.spec.Clusters[i]
		for _, family := range config.Families() {
			if other == c || !other.Serves(family) || !c.Serves(family) {
				continue
			}
			taken[other.Mark] = true
			for k := range shardsOf(other) {
				taken[other.FTP.MarkOfShard(k)] = true
			}
		}
	}
	return taken
}

func shardsOf(c *config.Cluster) int {
	if c.FTP == nil {
		return 0
	}
	return c.FTP.Shards
}

func writeShards(b *strings.Builder, ftp *config.FTP) {
	if ftp.Shards > 0 {
		fmt.Fprintf(b, "      passive-shards: %d\n      shard-marks: %d\n", ftp.Shards, ftp.ShardMarks)
	}
}

package config

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// shards checks passive-shards of one cluster and the keys that belong to it.
func (c *checker) shards(i int) {
	in, cluster := c.cluster(i)
	ftp := &in.ftp.value
	if !cluster.Sharded() {
		c.withoutShards(in)
		return
	}
	if in.persistence.valid && in.persistence.value > 0 {
		c.mistake(in.persistence.position, "persistence contradicts passive-shards: it would send all sessions of a client to one real server, and with shards sessions need none; set persistence: 0, or remove the key")
	}
	if !ftp.control.unreadable() && !ftp.passive.unreadable() && !in.forwardingUnreadable() {
		c.shardPorts(in, cluster)
	}
	c.shardServers(in, cluster)
	c.activeWithShards(in, cluster)
}

// withoutShards reports keys that need passive-shards.
func (c *checker) withoutShards(in *fileCluster) {
	if in.ftp.value.shards.unreadable() {
		return
	}
	if marks := in.ftp.value.shardMarks; marks.present {
		c.mistake(marks.position, "shard-marks needs passive-shards; add it, or remove shard-marks")
	}
	for k := range in.servers.value {
		if shard := in.servers.value[k].value.shard; shard.present {
			c.mistake(shard.position, "shard needs ftp.passive-shards in the cluster; add it, or remove shard")
		}
	}
}

// shardPorts checks that the passive ports can be cut into the shards, and that no other port
// of the cluster is in one.
func (c *checker) shardPorts(in *fileCluster, cluster *Cluster) {
	ftp, place := cluster.FTP, in.ftp.value.shards.position
	for _, other := range cluster.controlPorts() {
		if k := slices.IndexFunc(ftp.PassivePorts, other.Overlaps); k >= 0 {
			c.mistake(place, "passive-ports %s hold port %s of control connections or active data, which would have two marks with passive-shards; choose other passive-ports", ftp.PassivePorts[k], other)
			return
		}
	}
	count := ftp.passiveCount()
	if count < ftp.Shards {
		c.mistake(place, "passive-shards %d needs at least as many passive-ports, and there are %d; widen passive-ports, or set fewer shards", ftp.Shards, count)
		return
	}
	width, rest := count/ftp.Shards, count%ftp.Shards
	if len(ftp.PassivePorts) == 1 {
		if rest > 0 {
			c.note(place, "%d passive ports do not divide by passive-shards %d: the last shard has %d ports, the others have %d", count, ftp.Shards, width+rest, width)
		}
		return
	}
	for _, r := range in.ftp.value.passive.value {
		if rest > 0 || r.value.Width()%width != 0 {
			c.mistake(r.position, "a shard must be within one range of passive-ports, and passive-shards %d of %d ports do not fit: %s has %d ports; give ranges whose ports are multiples of one width, with %d such parts in all, or one range", ftp.Shards, count, r.value, r.value.Width(), ftp.Shards)
			return
		}
	}
}

// shardServers checks that each real server has a shard of its own, and notes shards without
// one.
func (c *checker) shardServers(in *fileCluster, cluster *Cluster) {
	first := map[Family]map[int]item[RealServer]{IPv4: {}, IPv6: {}}
	lost, twice := false, false
	for k, s := 0, 0; k < len(in.servers.value); k++ {
		server := &in.servers.value[k].value
		lost = lost || !server.address.valid || server.shard.unreadable()
		if !server.address.valid {
			continue
		}
		twice = c.shardOf(server, item[RealServer]{server.address.position, cluster.RealServers[s]}, cluster.FTP.Shards, first) || twice
		s++
	}
	if lost || !in.servers.valid {
		return
	}
	if !twice { // else a shard to write down may be the one that two have
		c.shardByPlace(in, cluster)
	}
	for _, family := range Families() {
		if free := cluster.freeShards(family); cluster.Serves(family) && free != "" {
			c.note(in.ftp.value.shards.position, "no %s real server has %s: the ports there have no mark", family, free)
		}
	}
}

// shardByPlace notes the first real server whose shard depends on those before it in the list.
func (c *checker) shardByPlace(in *fileCluster, cluster *Cluster) {
	for k := range in.servers.value {
		if server := cluster.RealServers[k]; !in.servers.value[k].value.shard.present && server.Shard > 0 {
			c.note(in.servers.value[k].value.address.position, "real server %s has shard %d by its place in the list: when one before it is removed, %[1]s gets other ports; write shard: %[2]d here, and a shard for each other real server, to keep them",
				cmp.Or(server.Name, server.Address.String()), server.Shard)
			return
		}
	}
}

// shardOf checks the shard of one real server. It returns whether another one has the same.
func (c *checker) shardOf(in *fileServer, server item[RealServer], shards int, first map[Family]map[int]item[RealServer]) bool {
	shard, family := server.value.Shard, FamilyOf(server.value.Address)
	if in.shard.unreadable() {
		return false
	}
	if shard >= shards {
		if in.shard.present {
			c.mistake(in.shard.position, "shard %d does not exist: passive-shards %d has the shards 0 to %d", shard, shards, shards-1)
			return false
		}
		c.mistake(server.position, "real server %s has no shard: it is number %d in the list of %s real servers, and passive-shards is %d; raise passive-shards, or set shard to a free one",
			server.value.Address, shard+1, family, shards)
		return false
	}
	if other, taken := first[family][shard]; taken {
		place := server.position
		if in.shard.present {
			place = in.shard.position
		}
		c.mistake(place, "real server %s has the same shard %d as %s at line %d; give each %s real server a shard of its own", server.value.Address, shard, other.value.Address, other.line, family)
		return true
	}
	first[family][shard] = server
	return false
}

// freeShards lists the shards that no real server of the family has: "shards 2, 4 to 7", "shard 2";
// empty: none.
func (c *Cluster) freeShards(family Family) string {
	taken := make([]bool, c.FTP.Shards)
	for _, server := range c.RealServersOf(family) {
		if server.Shard < len(taken) {
			taken[server.Shard] = true
		}
	}
	text, count := "", 0
	for low := 0; low < len(taken); low++ {
		if taken[low] {
			continue
		}
		high := low
		for high+1 < len(taken) && !taken[high+1] {
			high++
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprint(low)
		if high > low {
			text += fmt.Sprintf(" to %d", high)
		}
		count += high - low + 1
		low = high
	}
	switch count {
	case 0:
		return ""
	case 1:
		return "shard " + text
	}
	return "shards " + text
}

// activeWithShards notes that answers to active data reach any real server if they are
// scheduled: they carry the mark of the control ports; see MarkedPorts.
func (c *checker) activeWithShards(in *fileCluster, cluster *Cluster) {
	byAddress := (cluster.Scheduler == "sh" || cluster.Scheduler == "mh") && !cluster.Hash.Port
	if byAddress || in.forwardingUnreadable() || !cluster.Forwards(Direct) && !cluster.Forwards(Tunnel) || len(cluster.RealServers) < 2 {
		return
	}
	c.note(in.ftp.value.shards.position, "with passive-shards and %s, answers to active data (PORT, EPRT) may reach another real server; clients must use passive data, or set forwarding: nat", methodsOf(&Cluster{RealServers: slices.Concat(ServersBy(Direct, cluster.RealServers), ServersBy(Tunnel, cluster.RealServers))}))
}

// A markRange is the marks of the shards of a cluster, or its own mark.
type markRange struct {
	low, high uint64
	cluster   int
	ofShards  bool // false: the mark of the cluster itself
}

// shardMarks checks that the marks of shards are those of no other cluster and no other
// shard.
func (c *checker) shardMarks() {
	reported := map[[2]int]bool{} // pairs of clusters, which may have two families
	for _, family := range Families() {
		var ranges []markRange
		for i := range c.spec.Clusters {
			if in, cluster := c.cluster(i); cluster.Sharded() && c.serves(i, family) && in.mark.valid && !in.ftp.value.shardMarks.unreadable() {
				low := in.ftp.value.shardMarks.or(in.mark.value + 1)
				ranges = append(ranges, markRange{low, low + uint64(cluster.FTP.Shards) - 1, i, true})
			}
		}
		if len(ranges) > 0 {
			c.shardMarksOf(family, ranges, reported)
		}
	}
}

func (c *checker) shardMarksOf(family Family, ranges []markRange, reported map[[2]int]bool) {
	for i := range c.spec.Clusters {
		if in, cluster := c.cluster(i); c.serves(i, family) && in.mark.valid {
			ranges = append(ranges, markRange{uint64(cluster.Mark), uint64(cluster.Mark), i, false})
		}
	}
	slices.SortStableFunc(ranges, func(a, b markRange) int { return cmp.Compare(a.low, b.low) })
	furthest := ranges[0]
	for k, next := range ranges {
		if next.high > math.MaxUint32 && !reported[[2]int{-1, next.cluster}] {
			reported[[2]int{-1, next.cluster}] = true
			c.mistake(c.shardMarksPlace(next.cluster), "shard-marks %d to %d exceed the largest mark, 0xffffffff; choose a lower one", next.low, next.high)
		}
		if k == 0 {
			continue
		}
		if pair := [2]int{furthest.cluster, next.cluster}; next.low <= furthest.high && !reported[pair] {
			reported[pair] = true
			c.markConflict(family, furthest, next)
		}
		if next.high > furthest.high {
			furthest = next
		}
	}
}

// markConflict reports two overlapping ranges of marks. marks reports those of two clusters.
func (c *checker) markConflict(family Family, a, b markRange) {
	if !b.ofShards || a.ofShards && a.cluster > b.cluster {
		a, b = b, a
	}
	if !b.ofShards {
		return
	}
	whose := c.label(a.cluster)
	if a.cluster == b.cluster {
		whose = "the cluster itself"
	}
	c.mistake(c.shardMarksPlace(b.cluster), "the shards have the marks %d to %d, and mark %d is already used for %s by %s; set shard-marks to the first of %d free marks",
		b.low, b.high, max(a.low, b.low), family, whose, b.high-b.low+1)
}

func (c *checker) shardMarksPlace(i int) position {
	in, _ := c.cluster(i)
	if in.ftp.value.shardMarks.present {
		return in.ftp.value.shardMarks.position
	}
	return in.ftp.value.shards.position
}

package lvsmark

import (
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// shardDrain is what a drain needs to know of passive shards. A drained real server keeps
// its shard, with its weight, until its sessions have ended: they open further data
// connections. A real server that gets its shard is added after that.
type shardDrain struct {
	ledger   nft.Ledger                     // of both states
	waiting  map[string]map[netip.Addr]bool // by cluster: real servers that get a shard of a removed one
	removals map[ipvs.Key]bool              // shards from which a real server is removed
}

func newShardDrain(ledger nft.Ledger, changes []ipvs.Change) shardDrain {
	s := shardDrain{ledger, map[string]map[netip.Addr]bool{}, map[ipvs.Key]bool{}}
	for _, c := range changes {
		if c.Op == ipvs.DelDestination && s.isShard(c) {
			s.removals[c.Service.Key] = true
		}
	}
	for _, c := range changes {
		if c.Op == ipvs.AddDestination && s.removals[c.Service.Key] {
			cluster := s.clusterOf(c)
			if s.waiting[cluster] == nil {
				s.waiting[cluster] = map[netip.Addr]bool{}
			}
			s.waiting[cluster][c.After.Address] = true
		}
	}
	return s
}

func (s shardDrain) nameOf(c ipvs.Change) string {
	return s.ledger.Bound[nft.BoundMark{Family: c.Service.Family, Mark: c.Service.Mark}]
}

func (s shardDrain) clusterOf(c ipvs.Change) string {
	cluster, _ := config.SplitBindingName(s.nameOf(c))
	return cluster
}

func (s shardDrain) isShard(c ipvs.Change) bool {
	_, shard := config.SplitBindingName(s.nameOf(c))
	return shard
}

// waits reports whether the change adds a real server whose shard another one still has.
func (s shardDrain) waits(c ipvs.Change) bool {
	return c.Op == ipvs.AddDestination && s.waiting[s.clusterOf(c)][c.After.Address]
}

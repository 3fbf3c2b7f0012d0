package sessions

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// changes returns the harmless changes of the site.
func (s *site) changes() []change {
	if s.Sharded {
		return ofShards()
	}
	return slices.DeleteFunc(harmless(), func(c change) bool { return c == otherSourceNAT && s.Forwarding != config.NAT })
}

// ofShards returns the changes that must not disrupt a session of a cluster with shards: it has
// no persistence, and its real servers keep their ports.
func ofShards() []change {
	first := []change{
		syncBoth, ownServer, syncMaxlen, ownDrained, syncPort, web, syncBoth, ownScheduler, syncMaxlen, otherShards,
		syncPort, ownWeights,
	}
	moves := []change{ownRange, ownRanges, ownPersistence}
	return append(first, slices.DeleteFunc(harmless(), func(c change) bool {
		return slices.Contains(first, c) || slices.Contains(moves, c)
	})...)
}

// ports returns the keys of the passive ports of the sessions' cluster.
func (s *site) ports() string {
	if s.Sharded {
		return "passive-ports: 10000-19999, passive-shards: 8, shard-marks: 1000"
	}
	return "passive-ports: " + s.passivePorts()
}

func (s *site) persistence() string {
	if s.Sharded {
		return "persistence: 0"
	}
	return "persistence: " + s.pick(ownPersistence, "5m", "10m")
}

// shard returns the shard of a real server, which is not its place in the list.
func (s *site) shard(place int) string {
	if !s.Sharded {
		return ""
	}
	return fmt.Sprintf(", shard: %d", 2*place+1)
}

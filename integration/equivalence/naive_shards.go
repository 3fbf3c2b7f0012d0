package equivalence

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// A shardMatch is a match for the ports of a shard, and its mark.
type shardMatch struct {
	match string
	mark  uint32
}

// shardsAsWritten returns the shards with a real server of the family: it counts the passive
// ports one by one.
func shardsAsWritten(c *config.Cluster, family config.Family) []shardMatch {
	if c.FTP == nil || c.FTP.Shards == 0 {
		return nil
	}
	var ports []int
	for port := range 65536 {
		if slices.ContainsFunc(c.FTP.PassivePorts, func(r config.PortRange) bool { return int(r.Low) <= port && port <= int(r.High) }) {
			ports = append(ports, port)
		}
	}
	width := len(ports) / c.FTP.Shards
	var matches []shardMatch
	for _, s := range c.RealServers {
		if s.Address.Is4() != (family == config.IPv4) {
			continue
		}
		end := (s.Shard + 1) * width
		if s.Shard == c.FTP.Shards-1 {
			end = len(ports)
		}
		matches = append(matches, shardMatch{
			fmt.Sprintf("tcp dport %d-%d", ports[s.Shard*width], ports[end-1]), c.FTP.ShardMarks + uint32(s.Shard),
		})
	}
	return matches
}

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// A passiveDocument is how many data connections at a time the passive ports of an FTP
// cluster allow for each real server, at least: a port for each that FTP servers use.
type passiveDocument struct {
	Cluster     string          `json:"cluster"`
	Connections *int            `json:"data_connections,omitempty"` // nil with shards
	Shards      []shardDocument `json:"shards,omitempty"`
}

// A shardDocument is a passive shard with a real server.
type shardDocument struct {
	Shard       int      `json:"shard"`
	Ports       string   `json:"ports"`
	Mark        uint32   `json:"mark"`
	RealServers []string `json:"real_servers"` // one of each family
	Connections int      `json:"data_connections"`
}

func passiveOf(spec *config.Spec) []passiveDocument {
	if spec == nil {
		return nil
	}
	var list []passiveDocument
	for i := range spec.Clusters {
		c := &spec.Clusters[i]
		switch {
		case c.Sharded():
			list = append(list, passiveDocument{Cluster: c.Name, Shards: shardsOf(c)})
		case c.FTP != nil:
			ports := 0
			for _, r := range c.FTP.PassivePorts {
				ports += config.DataPorts(r)
			}
			list = append(list, passiveDocument{Cluster: c.Name, Connections: &ports})
		}
	}
	return list
}

func shardsOf(c *config.Cluster) []shardDocument {
	ports := c.FTP.ShardPorts()
	names := make([][]string, len(ports))
	for _, s := range c.RealServers {
		names[s.Shard] = append(names[s.Shard], cmp.Or(s.Name, s.Address.String()))
	}
	var list []shardDocument
	for i, servers := range names {
		if len(servers) > 0 {
			list = append(list, shardDocument{i, ports[i].String(), c.FTP.MarkOfShard(i), servers, config.DataPorts(ports[i])})
		}
	}
	return list
}

// passiveText returns a line for each FTP cluster, and for each shard. Of many clusters it
// has the first ones.
func passiveText(list []passiveDocument) string {
	const most = 10
	var b strings.Builder
	for _, c := range list[:min(most, len(list))] {
		if c.Connections != nil {
			fmt.Fprintf(&b, "%s: %s at a time for each real server\n", c.Cluster, plural(*c.Connections, "data connection"))
		}
		for _, s := range c.Shards {
			fmt.Fprintf(&b, "%s: shard %d, ports %s, mark %d: %s at a time for %s\n",
				c.Cluster, s.Shard, s.Ports, s.Mark, plural(s.Connections, "data connection"), strings.Join(slices.Compact(s.RealServers), ", "))
		}
	}
	if n := len(list) - most; n > 0 {
		fmt.Fprintf(&b, "and %d more FTP clusters\n", n)
	}
	return b.String()
}

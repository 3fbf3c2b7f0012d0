package impact

import (
	"fmt"
	"iter"
	"strings"
)

// A Summary is the total impact of several changes.
type Summary struct {
	Worst       Effect // the most severe effect; empty: no changes
	Drains      int    // number of changes that drain
	Connections int    // number of cut connections
	Unknown     bool   // some changes cut an unknown number of connections

	clusters []clusterSummary // in the order of the changes
}

type clusterSummary struct {
	name    string // empty: several clusters, or an unknown one
	servers []serverSummary
}

type serverSummary struct {
	name        string // empty: the real server is not known
	connections int
}

// Sum adds up impacts.
func Sum(impacts iter.Seq[Impact]) Summary {
	var s Summary
	places := map[place]int{}
	for i := range impacts {
		if s.Worst == "" || !s.Worst.AtLeast(i.Effect) {
			s.Worst = i.Effect
		}
		switch i.Effect {
		case Drains:
			s.Drains++
		case Cuts:
			s.Connections += i.Connections
			s.Unknown = s.Unknown || i.Unknown
			s.add(i, places)
		}
	}
	return s
}

// A place is the index of a cluster in a Summary, or of a server in a cluster.
type place struct {
	cluster, server string
	isServer        bool
}

func (s *Summary) add(i Impact, places map[place]int) {
	if i.Connections == 0 {
		return
	}
	c, ok := places[place{cluster: i.Cluster}]
	if !ok {
		c, s.clusters = len(s.clusters), append(s.clusters, clusterSummary{name: i.Cluster})
		places[place{cluster: i.Cluster}] = c
	}
	cluster := &s.clusters[c]
	at := place{i.Cluster, i.Server, true}
	n, ok := places[at]
	if !ok {
		n, cluster.servers = len(cluster.servers), append(cluster.servers, serverSummary{name: i.Server})
		places[at] = n
	}
	cluster.servers[n].connections += i.Connections
}

// String returns, for example, "safe" or "drains 1, cuts 12 connections (ftp: rs1 7, rs2 5)".
func (s Summary) String() string {
	var words []string
	if s.Drains > 0 {
		words = append(words, fmt.Sprintf("drains %d", s.Drains))
	}
	switch {
	case s.Connections > 0:
		words = append(words, "cuts "+countOf(s.Connections, "connection")+s.byServer())
	case s.Worst == Cuts && !s.Unknown:
		words = append(words, "cuts")
	}
	if s.Unknown {
		words = append(words, "cuts an unknown number of connections")
	}
	if len(words) == 0 {
		return string(s.Worst)
	}
	return strings.Join(words, ", ")
}

// byServer returns, for example, " (ftp: rs1 7, rs2 5)"; empty if no cluster is known.
func (s Summary) byServer() string {
	var clusters []string
	for _, c := range s.clusters {
		if c.name == "" {
			continue
		}
		var servers []string
		for _, server := range c.servers {
			servers = append(servers, strings.TrimSpace(fmt.Sprintf("%s %d", server.name, server.connections)))
		}
		clusters = append(clusters, c.name+": "+strings.Join(servers, ", "))
	}
	if len(clusters) == 0 {
		return ""
	}
	return " (" + strings.Join(clusters, "; ") + ")"
}

package lvsmark

import (
	"fmt"
	"strings"
)

// An ImpactSummary is what a list of changes does to live traffic as a whole.
type ImpactSummary struct {
	Worst       Effect // "" when there are no changes
	Drains      int    // changes that do
	Connections int    // that are cut
	Unknown     bool   // of some changes it is unknown how many they cut

	clusters []clusterSummary // in the order of the changes
}

type clusterSummary struct {
	name    string // "": several, or it is not known which
	servers []serverSummary
}

type serverSummary struct {
	name        string // "": not known by real server
	connections int
}

// Sum adds up what the changes do.
func Sum(changes []Change) ImpactSummary {
	var t ImpactSummary
	places := map[place]int{}
	for _, c := range changes {
		if t.Worst == "" || !t.Worst.atLeast(c.Impact.Effect) {
			t.Worst = c.Impact.Effect
		}
		switch c.Impact.Effect {
		case Drains:
			t.Drains++
		case Cuts:
			t.Connections += c.Impact.Connections
			t.Unknown = t.Unknown || c.Impact.Unknown
			t.charge(c.Impact, places)
		}
	}
	return t
}

// A place is where an ImpactSummary has a cluster, or, where that is said, one of its
// servers.
type place struct {
	cluster, server string
	ofServer        bool
}

func (t *ImpactSummary) charge(i Impact, places map[place]int) {
	if i.Connections == 0 {
		return
	}
	c, ok := places[place{cluster: i.Cluster}]
	if !ok {
		c, t.clusters = len(t.clusters), append(t.clusters, clusterSummary{name: i.Cluster})
		places[place{cluster: i.Cluster}] = c
	}
	cluster := &t.clusters[c]
	at := place{i.Cluster, i.Server, true}
	s, ok := places[at]
	if !ok {
		s, cluster.servers = len(cluster.servers), append(cluster.servers, serverSummary{name: i.Server})
		places[at] = s
	}
	cluster.servers[s].connections += i.Connections
}

// String is as in "safe", "drains 1, cuts 12 connections (ftp: rs1 7, rs2 5)".
func (t ImpactSummary) String() string {
	var words []string
	if t.Drains > 0 {
		words = append(words, fmt.Sprintf("drains %d", t.Drains))
	}
	switch {
	case t.Connections > 0:
		words = append(words, "cuts "+countOf(t.Connections, "connection")+t.by())
	case t.Worst == Cuts && !t.Unknown:
		words = append(words, "cuts")
	}
	if t.Unknown {
		words = append(words, "cuts an unknown number of connections")
	}
	if len(words) == 0 {
		return string(t.Worst)
	}
	return strings.Join(words, ", ")
}

func (t ImpactSummary) by() string {
	var clusters []string
	for _, c := range t.clusters {
		if c.name == "" {
			continue
		}
		var servers []string
		for _, s := range c.servers {
			servers = append(servers, strings.TrimSpace(fmt.Sprintf("%s %d", s.name, s.connections)))
		}
		clusters = append(clusters, c.name+": "+strings.Join(servers, ", "))
	}
	if len(clusters) == 0 {
		return ""
	}
	return " (" + strings.Join(clusters, "; ") + ")"
}

package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// A document is a spec, and its text.
type document struct {
	yaml string
	spec *config.Spec
}

// A cluster has the relevant settings of a cluster.
type cluster struct {
	name  string
	mark  int
	vips  []string
	ports string // YAML of the key ftp or ports
	nat   bool
	keys  string   // YAML of further keys
	more  []string // YAML of further real servers
}

// ftp returns the cluster that is in every spec, with VIPs of both families.
// Forwarding is direct, to avoid the cost of connection tracking.
func ftp() cluster {
	return cluster{name: "ftp", mark: 21, vips: []string{"198.51.100.21", "198.51.100.22", "2001:db8::21"}, ports: narrow}
}

// Ports of FTP clusters.
const (
	narrow = "ftp: {passive-ports: 10000-20000}"
	wide   = "ftp: {passive-ports: 10000-30000, control-ports: [21, 990]}"
)

// withOthers returns ftp and n more clusters, each with different ports.
func withOthers(n int) []cluster {
	clusters := []cluster{ftp()}
	for i := 1; i <= n; i++ {
		clusters = append(clusters, cluster{
			name: fmt.Sprintf("other%d", i), mark: 100 + i,
			vips:  []string{fmt.Sprintf("198.51.100.%d", 100+i)},
			ports: fmt.Sprintf("ports: [%d, %d-%d]", 80+i, 30000+i, 31000+i),
		})
	}
	return clusters
}

// withNetwork is withOthers with a network in the first cluster.
func withNetwork(n int) []cluster {
	clusters := withOthers(n)
	clusters[0] = clusters[0].and("198.18.0.0/16")
	return clusters
}

// numerous returns an FTP cluster with n VIPs.
func numerous(n int) cluster {
	c := cluster{name: "numerous", mark: 23, ports: narrow}
	for vip := netip.MustParseAddr("10.128.0.1"); len(c.vips) < n; vip = vip.Next() {
		c.vips = append(c.vips, vip.String())
	}
	return c
}

func (c cluster) and(vips ...string) cluster {
	c.vips = slices.Concat(c.vips, vips)
	return c
}

func (c cluster) without(vip string) cluster {
	c.vips = slices.DeleteFunc(slices.Clone(c.vips), func(v string) bool { return v == vip })
	return c
}

func (c cluster) on(ports string) cluster {
	c.ports = ports
	return c
}

func (c cluster) marked(mark int) cluster {
	c.mark = mark
	return c
}

func (c cluster) selected(only string) cluster { return c.with(fmt.Sprintf("only: {%s}", only)) }

// with returns the cluster with another key.
func (c cluster) with(key string) cluster {
	c.keys += ", " + key
	return c
}

// sharded returns the cluster with passive shards for n real servers of each family.
func (c cluster) sharded(shards, n int) cluster {
	c.ports = fmt.Sprintf("ftp: {passive-ports: 10000-20000, passive-shards: %d}", shards)
	c.more = nil
	for i := 1; i < n; i++ {
		c.more = append(c.more, fmt.Sprintf("{address: 10.0.0.%d}, {address: 'fd00::%[1]d'}", 11+i))
	}
	return c
}

func (c cluster) behindNAT() cluster {
	c.nat = true
	return c
}

func (c cluster) yaml() string {
	forwarding := "direct"
	if c.nat {
		forwarding = "nat"
	}
	servers := "{address: 10.0.0.11}"
	if slices.ContainsFunc(c.vips, func(vip string) bool { return strings.Contains(vip, ":") }) {
		servers += `, {address: "fd00::11"}`
	}
	servers = strings.Join(append([]string{servers}, c.more...), ", ")
	return fmt.Sprintf("  - {name: %s, mark: %d, vips: [\"%s\"], %s, forwarding: %s, real-servers: [%s]%s}\n", c.name, c.mark, strings.Join(c.vips, `", "`), c.ports, forwarding, servers, c.keys)
}

// in returns a spec of clusters with a table name. It does not bind the marks to IPVS:
// the observer drops packets before IPVS.
func in(table string, clusters ...cluster) document {
	return withDirector("table: "+table, clusters...)
}

// of returns a spec of clusters.
func of(clusters ...cluster) document { return in(config.DefaultTable, clusters...) }

// hooked returns a spec with chains in the hooks of input and output too.
func hooked(clusters ...cluster) document {
	return withDirector("keep-marks: true, local-clients: true", clusters...)
}

// firstPackets returns a spec of clusters that marks only packets that may begin a
// connection, as those of the sender do.
func firstPackets(clusters ...cluster) document {
	return withDirector("marks: first-packet", clusters...)
}

func withDirector(keys string, clusters ...cluster) document {
	var b strings.Builder
	b.WriteString("clusters:\n")
	for _, c := range clusters {
		b.WriteString(c.yaml())
	}
	fmt.Fprintf(&b, "director: {%s, bind: false, ip-forward: false}\n", keys)
	d := document{yaml: b.String()}
	var err error
	if d.spec, _, err = config.Parse("spec.yaml", strings.NewReader(d.yaml)); err != nil {
		panic(fmt.Sprintf("%v in\n%s", err, d.yaml))
	}
	return d
}

package config

import (
	"fmt"
	"slices"
	"strings"
)

// A Binding is the unit that other packages compile from: packets to Ports of VIPs
// carry Mark, and the IPVS service of Mark and Family schedules them to RealServers.
// A cluster has one binding for each address family that it serves; with passive shards it
// has one for its control ports, and one for each shard with a real server. Cluster has the
// settings of the whole cluster.
type Binding struct {
	Cluster     *Cluster
	Mark        uint32 // host byte order
	Family      Family
	VIPs        []AddressRange // at least one; of Family, in the order of the file
	Ports       []PortRange    // in canonical form; see Cluster.MarkedPorts
	RealServers []RealServer   // of Family, in the order of the file
	IsShard     bool           // Ports are those of a shard, and RealServers is the only one there
}

// Name returns the name of the binding: that of the cluster, or "ftp/2" for its shard 2.
func (b Binding) Name() string {
	if !b.IsShard {
		return b.Cluster.Name
	}
	return fmt.Sprintf("%s/%d", b.Cluster.Name, b.RealServers[0].Shard)
}

// SplitBindingName returns the cluster of a binding's name, and whether the binding is a
// shard. The name of a cluster contains no slash.
func SplitBindingName(name string) (cluster string, isShard bool) {
	cluster, _, isShard = strings.Cut(name, "/")
	return cluster, isShard
}

// ShardScheduler is the scheduler of the services of shards. They have one real server each,
// and some schedulers, such as ovf, would not send all connections there.
const ShardScheduler = "rr"

// Bindings returns the bindings of one family, in the order of the file. Callers
// must not change them: they may share slices with the spec.
func (s *Spec) Bindings(f Family) []Binding {
	bindings := make([]Binding, 0, len(s.Clusters))
	for i := range s.Clusters {
		bindings = append(bindings, s.Clusters[i].Bindings(f)...)
	}
	return slices.Clip(bindings)
}

// Bindings returns the cluster's bindings of one family.
func (c *Cluster) Bindings(f Family) []Binding {
	vips := c.VIPsOf(f)
	if len(vips) == 0 {
		return nil
	}
	b := Binding{Cluster: c, Mark: c.Mark, Family: f, VIPs: vips, RealServers: c.RealServersOf(f)}
	if c.Sharded() {
		b.Ports = c.controlPorts()
		return append([]Binding{b}, c.shardBindings(b)...)
	}
	b.Ports = c.MarkedPorts()
	return []Binding{b}
}

// Marks returns the marks of the cluster's bindings in order, without duplicates.
func (c *Cluster) Marks() []uint32 {
	var marks []uint32
	for _, f := range Families() {
		for _, b := range c.Bindings(f) {
			if !slices.Contains(marks, b.Mark) {
				marks = append(marks, b.Mark)
			}
		}
	}
	return marks
}

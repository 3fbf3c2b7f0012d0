package config

import "slices"

// Passive shards: the passive ports of an FTP cluster are cut into equal parts, the shards.
// Each real server listens for data connections in a shard of its own, whose packets carry a
// mark of its own. So a data connection reaches the real server of its control connection
// whatever address it comes from, and control connections need no persistence.

// maxShards is the maximum number of shards of a cluster.
const maxShards = 1024

// ShardPorts returns the ports of each shard, in the order of their numbers; nil without
// shards. The ranges are taken from the lowest port on. The last shard also has the ports
// that remain.
func (f *FTP) ShardPorts() []PortRange {
	if f.Shards == 0 {
		return nil
	}
	width := f.passiveCount() / f.Shards
	shards := make([]PortRange, 0, f.Shards)
	for _, r := range f.sortedPassive() {
		for low := int(r.Low); low+width-1 <= int(r.High) && len(shards) < f.Shards; low += width {
			shards = append(shards, PortRange{TCP, uint16(low), uint16(low + width - 1)})
		}
	}
	if len(shards) == f.Shards && len(f.PassivePorts) == 1 {
		shards[f.Shards-1].High = f.PassivePorts[0].High
	}
	return shards
}

// portsOfShard returns the ports of one shard, which ShardPorts has at this index, and whether it
// exists. It takes the same time for any number of shards.
func (f *FTP) portsOfShard(shard int) (PortRange, bool) {
	width := f.passiveCount() / f.Shards
	if shard >= f.Shards || width == 0 {
		return PortRange{}, false
	}
	before := shard
	for _, r := range f.sortedPassive() {
		if whole := r.Width() / width; before >= whole {
			before -= whole
			continue
		}
		low := int(r.Low) + before*width
		ports := PortRange{TCP, uint16(low), uint16(low + width - 1)}
		if shard == f.Shards-1 && len(f.PassivePorts) == 1 {
			ports.High = r.High
		}
		return ports, true
	}
	return PortRange{}, false
}

func (f *FTP) sortedPassive() []PortRange {
	return slices.SortedFunc(slices.Values(f.PassivePorts), func(a, b PortRange) int { return int(a.Low) - int(b.Low) })
}

// passiveCount returns the number of passive ports.
func (f *FTP) passiveCount() int {
	count := 0
	for _, r := range f.PassivePorts {
		count += r.Width()
	}
	return count
}

// MarkOfShard returns the mark of packets to the ports of a shard.
func (f *FTP) MarkOfShard(shard int) uint32 { return f.ShardMarks + uint32(shard) }

// Sharded reports whether the cluster has passive shards.
func (c *Cluster) Sharded() bool { return c.FTP != nil && c.FTP.Shards > 0 }

// controlPorts returns the ports of a sharded cluster that carry the cluster's own mark: those
// of control connections, and of answers to active data as in MarkedPorts.
func (c *Cluster) controlPorts() []PortRange {
	control := *c
	ftp := *c.FTP
	ftp.PassivePorts = nil
	control.FTP = &ftp
	return control.MarkedPorts()
}

// shardBindings returns a binding for each shard that has a real server of the family. The
// weight of the real server there is 1: with weight 0 it gets no new sessions, and the
// sessions that it has open further data connections. Its thresholds count control
// connections only.
func (c *Cluster) shardBindings(control Binding) []Binding {
	var bindings []Binding
	ports := c.FTP.ShardPorts()
	for _, server := range control.RealServers {
		b := control
		b.IsShard, b.Mark, b.Ports = true, c.FTP.MarkOfShard(server.Shard), ports[server.Shard:server.Shard+1:server.Shard+1]
		server.Weight, server.UpperThreshold, server.LowerThreshold = DefaultWeight, 0, 0
		b.RealServers = []RealServer{server}
		bindings = append(bindings, b)
	}
	slices.SortFunc(bindings, func(a, b Binding) int { return a.RealServers[0].Shard - b.RealServers[0].Shard })
	return bindings
}

// setShards sets the shard of each real server that has none in the file: its place in the
// list of its family.
func (c *Cluster) setShards(given []field[uint64]) {
	place := map[Family]int{}
	for i := range c.RealServers {
		server := &c.RealServers[i]
		family := FamilyOf(server.Address)
		server.Shard = int(given[i].or(uint64(place[family])))
		place[family]++
	}
}

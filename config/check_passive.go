package config

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// A listener is the socket of an FTP server. Behind nat, packets to all VIPs arrive at the
// address of the real server.
type listener struct {
	address netip.Addr
	port    uint16
}

// A passiveUse is the first cluster with a listener, and the index of its real server.
type passiveUse struct{ cluster, server int32 }

// passiveOfServers notes real servers that several clusters have as one FTP server, with passive
// ports for each of which it would need a range of its own. Each cluster is noted once.
func (c *checker) passiveOfServers() {
	if !c.passiveDiffers() {
		return
	}
	first := map[listener]passiveUse{}
	for i := range c.spec.Clusters {
		if in, _ := c.cluster(i); c.passiveReadable(i) && in.servers.valid {
			c.passiveOf(i, first)
		}
	}
}

// passiveReadable reports whether the passive ports of each real server of an FTP cluster are known.
func (c *checker) passiveReadable(i int) bool {
	in, cluster := c.cluster(i)
	return cluster.FTP != nil && c.ports[i] != nil && !in.ftp.value.shards.unreadable() && !in.forwardingUnreadable()
}

// passiveDiffers reports whether two FTP clusters have different passive ports or shards.
func (c *checker) passiveDiffers() bool {
	var one *FTP
	for i := range c.spec.Clusters {
		ftp := c.spec.Clusters[i].FTP
		switch {
		case !c.passiveReadable(i):
		case one == nil:
			one = ftp
		case ftp.Shards > 0 || one.Shards > 0 || !slices.Equal(ftp.PassivePorts, one.PassivePorts):
			return true
		}
	}
	return false
}

func (c *checker) passiveOf(i int, first map[listener]passiveUse) {
	in, cluster := c.cluster(i)
	s := 0
	for k := range in.servers.value {
		given := &in.servers.value[k].value
		if !given.address.valid {
			continue
		}
		use := passiveUse{int32(i), int32(s)}
		s++
		if cluster.RealServers[use.server].Forwarding == NAT && !given.shard.unreadable() && c.isNoted(given.address.position, use, first) {
			return
		}
	}
}

// isNoted notes a real server, if another cluster has its listener with other passive ports, and
// reports whether it did.
func (c *checker) isNoted(at position, use passiveUse, first map[listener]passiveUse) bool {
	cluster := &c.spec.Clusters[use.cluster]
	server := &cluster.RealServers[use.server]
	for _, port := range cluster.FTP.ControlPorts {
		other, taken := first[listener{server.Address, port}]
		if !taken {
			first[listener{server.Address, port}] = use
			continue
		}
		if here, there := c.passivePorts(use), c.passivePorts(other); other.cluster != use.cluster && !oneRangeFits(here, there) {
			c.note(at, "real server %s has passive ports %s here, and %s in %s, which has control port %d too: its FTP server has one range, so data connections of one cluster fail; give it the same ports in both",
				cmp.Or(server.Name, server.Address.String()), rangesText(here), rangesText(there), c.label(int(other.cluster)), port)
			return true
		}
	}
	return false
}

// passivePorts returns the passive ports of a real server: those of its shard, or else all.
// They are nil if the shard does not exist.
func (c *checker) passivePorts(use passiveUse) []PortRange {
	cluster := &c.spec.Clusters[use.cluster]
	if !cluster.Sharded() {
		return cluster.FTP.PassivePorts
	}
	if ports, ok := cluster.FTP.portsOfShard(cluster.RealServers[use.server].Shard); ok {
		return []PortRange{ports}
	}
	return nil
}

func rangesText(ranges []PortRange) string {
	texts := make([]string, len(ranges))
	for i, r := range ranges {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}

// oneRangeFits reports whether an FTP server can use one range for both lists. Servers can be
// configured with the smaller one of two ranges.
func oneRangeFits(a, b []PortRange) bool {
	if a == nil || b == nil {
		return true
	}
	return slices.ContainsFunc(a, func(x PortRange) bool {
		return slices.ContainsFunc(b, func(y PortRange) bool {
			return x.Low <= y.Low && y.High <= x.High || y.Low <= x.Low && x.High <= y.High
		})
	})
}

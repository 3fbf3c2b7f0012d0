package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// A checker finds contradictions between values that are each valid. Every check
// takes near-linear time in the size of the file.
type checker struct {
	*report
	file   *file
	spec   *Spec
	ports  [][]PortRange // MarkedPorts of each cluster; nil if the file's ports are unreadable
	served []firstVIPs   // of each cluster
	vips   vipUses
	shared bool // several clusters have the same VIPs

	outermost     vipUses                       // VIPs that are not within others
	sortedClients map[clientsKey][]netip.Prefix // see clients
}

// firstVIPs are the first VIPs of a cluster, by family. They answer Cluster.Serves
// without a search.
type firstVIPs map[Family]AddressRange

// check returns the spec of a file. It is valid if no mistake was reported.
func check(f *file, report *report) *Spec {
	c := &checker{report: report, file: f, spec: f.spec(), sortedClients: map[clientsKey][]netip.Prefix{}}
	for i := range c.spec.Clusters {
		c.ports = append(c.ports, c.markedPorts(i))
		c.served = append(c.served, firstVIPsOf(&c.spec.Clusters[i]))
	}
	c.collectVIPs()
	c.names()
	c.marks()
	c.shardMarks()
	for i := range c.spec.Clusters {
		c.only(i)
		c.ownPorts(i)
		c.servers(i)
		c.serverKeys(i)
		c.schedulerKeys(i)
		c.persistence(i)
		c.activeData(i)
		c.sourceNAT(i)
		c.shards(i)
	}
	c.sharedVIPs()
	c.nestedVIPs()
	c.translations()
	c.passiveOfServers()
	c.forwarding()
	c.firstPackets()
	c.conntrack()
	c.localClients()
	c.sync()
	c.vrrp()
	return c.spec
}

// cluster returns one cluster as written in the file and as compiled into the spec.
func (c *checker) cluster(i int) (*fileCluster, *Cluster) {
	return &c.file.clusters.value[i].value, &c.spec.Clusters[i]
}

func firstVIPsOf(cluster *Cluster) firstVIPs {
	first := firstVIPs{}
	for _, family := range Families() {
		if i := slices.IndexFunc(cluster.VIPs, func(vips AddressRange) bool { return vips.Family() == family }); i >= 0 {
			first[family] = cluster.VIPs[i]
		}
	}
	return first
}

// serves is Cluster.Serves in constant time.
func (c *checker) serves(i int, family Family) bool { return c.served[i][family].First.IsValid() }

// label returns the name and line of a cluster, for messages about another one.
func (c *checker) label(i int) string {
	in := &c.file.clusters.value[i]
	if !in.value.name.valid {
		return fmt.Sprintf("the cluster at line %d", in.line)
	}
	return fmt.Sprintf("cluster %q (line %d)", in.value.name.value, in.line)
}

func (c *checker) markedPorts(i int) []PortRange {
	in, cluster := c.cluster(i)
	ftp := &in.ftp.value
	lost := in.ftp.unreadable() || in.ports.unreadable() || ftp.control.unreadable() || ftp.passive.unreadable()
	if lost || in.ftp.present == in.ports.present {
		return nil
	}
	return cluster.MarkedPorts()
}

func (c *checker) names() {
	first := map[string]int{}
	for i := range c.spec.Clusters {
		name := c.file.clusters.value[i].value.name
		if !name.valid {
			continue
		}
		if line, taken := first[name.value]; taken {
			c.mistake(name.position, "name %q is taken by the cluster at line %d; give each cluster a name of its own", name.value, line)
			continue
		}
		first[name.value] = c.file.clusters.value[i].line
	}
}

func (c *checker) marks() {
	type key struct {
		mark   uint32
		family Family
	}
	first := map[key]int{}
	for i := range c.spec.Clusters {
		in, cluster := c.cluster(i)
		if !in.mark.valid {
			continue
		}
		var families []string
		by := 0
		for _, family := range Families() {
			if !c.serves(i, family) {
				continue
			}
			owner, taken := first[key{cluster.Mark, family}]
			if !taken {
				first[key{cluster.Mark, family}] = i
				continue
			}
			families, by = append(families, family.String()), owner
		}
		if len(families) > 0 {
			c.mistake(in.mark.position, "mark %d is already used for %s by %s; give each cluster a mark of its own",
				cluster.Mark, strings.Join(families, " and "), c.label(by))
		}
	}
}

// servers checks the real servers of one cluster, also against the VIPs of all
// clusters.
func (c *checker) servers(i int) {
	in, cluster := c.cluster(i)
	addresses, names := make(map[netip.Addr]int, len(in.servers.value)), make(map[string]int, len(in.servers.value))
	for k := range in.servers.value {
		server := &in.servers.value[k].value
		if server.name.valid {
			if line, twice := names[server.name.value]; twice {
				c.mistake(server.name.position, "real server %q is given twice, first at line %d; give each a name of its own", server.name.value, line)
			} else {
				names[server.name.value] = server.name.line
			}
		}
		if server.address.valid {
			c.serverAddress(i, server.address, addresses)
		}
	}
	c.namedAsAnother(in, addresses)
	for _, family := range Families() {
		if c.serves(i, family) && in.servers.valid {
			c.serversOf(family, in, cluster)
		}
	}
}

func (c *checker) serverAddress(i int, address field[netip.Addr], first map[netip.Addr]int) {
	addr := address.value
	if line, twice := first[addr]; twice {
		c.mistake(address.position, "real server %s is given twice, first at line %d; remove one, or set its weight", addr, line)
		return
	}
	first[addr] = address.line
	if use, found := c.outermost.with(addr); found {
		is := "is the VIP"
		if !use.vips.IsSingle() {
			is = "is in the VIP " + use.vips.String()
		}
		c.mistake(address.position, "real server %s %s at line %d; give the address of the server itself, which for a server on the director is another one of its addresses", addr, is, use.line)
		return
	}
	c.loopback(i, address)
	in, _ := c.cluster(i)
	if family := FamilyOf(addr); in.vips.valid && !c.serves(i, family) {
		c.mistake(address.position, "real server %s would never be used: the cluster has no %s VIP; add one, or remove the server", addr, family)
	}
}

// loopback checks a real server that is the director itself. With nat, the kernel drops
// packets from outside to a loopback address (ip_vs_nat_xmit); with direct and tunnel it
// delivers them locally, to the VIP.
func (c *checker) loopback(i int, address field[netip.Addr]) {
	in, cluster := c.cluster(i)
	s := slices.IndexFunc(cluster.RealServers, func(s RealServer) bool { return s.Address == address.value })
	switch {
	case !address.value.IsLoopback() || in.forwardingUnreadable():
	case cluster.RealServers[s].Forwarding == NAT:
		c.mistake(address.position, "real server %s is a loopback address, and the kernel drops packets that nat forwards there; give another address, or use forwarding: direct for a server on the director itself", address.value)
	default:
		c.note(address.position, "real server %s is the director itself: its server must listen on the VIP", address.value)
	}
}

// serversOf checks the real servers of a family that the cluster serves.
func (c *checker) serversOf(family Family, in *fileCluster, cluster *Cluster) {
	count, heaviest, lost := 0, 0, false
	for i := range cluster.RealServers {
		if server := &cluster.RealServers[i]; family.holds(server.Address) {
			count, heaviest = count+1, max(heaviest, server.Weight)
		}
	}
	for i := range in.servers.value {
		server := &in.servers.value[i].value
		lost = lost || !server.address.valid || server.weight.unreadable()
	}
	switch {
	case lost:
	case count == 0:
		vip := firstVIPsOf(cluster)[family]
		c.mistake(placeOf(in.vips.value, vip), "VIP %s has no %s real server behind it; add one, or remove the VIP", vip, family)
	case heaviest == 0:
		c.note(in.servers.position, "every %s real server has weight 0; the cluster takes no new %s connections", family, family)
	}
}

func placeOf(items []item[AddressRange], vips AddressRange) position {
	for _, item := range items {
		if item.value == vips {
			return item.position
		}
	}
	return position{1, 1}
}

// persistence checks persistence and the keys that depend on it in one cluster.
func (c *checker) persistence(i int) {
	in, cluster := c.cluster(i)
	if in.netmask.valid {
		c.netmask(in, cluster)
	}
	if in.persistence.unreadable() || cluster.Persistence > 0 || cluster.FTP == nil || cluster.Sharded() {
		return
	}
	if (cluster.Scheduler == "sh" || cluster.Scheduler == "mh") && !cluster.Hash.Port { // they hash the client's address
		return
	}
	for _, family := range Families() {
		if len(cluster.RealServersOf(family)) > 1 {
			c.note(in.persistence.position, "without persistence a data connection may reach another real server than its control connection")
			return
		}
	}
}

func (c *checker) netmask(in *fileCluster, cluster *Cluster) {
	bits := cluster.PersistenceNetmask
	switch {
	case cluster.Serves(IPv4) && bits > 32:
		c.mistake(in.netmask.position, "persistence-netmask must be 1 to 32 where a cluster has IPv4 VIPs, not %d; leave it out for whole addresses", bits)
	case cluster.Serves(IPv4) && cluster.Serves(IPv6):
		c.note(in.netmask.position, "persistence-netmask %d groups IPv6 clients by /%d too; a cluster for each family can have its own", bits, bits)
	}
	if !in.persistence.unreadable() && cluster.Persistence == 0 {
		c.note(in.netmask.position, "persistence-netmask changes nothing: persistence is 0")
	}
}

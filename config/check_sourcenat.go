package config

import (
	"slices"
	"strconv"
)

// sourceNAT checks source-nat in one cluster.
func (c *checker) sourceNAT(i int) {
	in, cluster := c.cluster(i)
	if !in.sourceNAT.valid || cluster.SourceNAT == NoSourceNAT {
		return
	}
	if !cluster.Forwards(NAT) && !in.forwardingUnreadable() {
		c.mistake(in.sourceNAT.position, "source-nat is for nat, and this cluster forwards by %s: real servers answer clients by themselves; remove source-nat", methodsOf(cluster))
		return
	}
	if cluster.FTP == nil || in.vips.unreadable() {
		return
	}
	c.note(in.sourceNAT.position, "FTP servers of a cluster with source-nat see the director as the client: they refuse active data (PORT, EPRT) to another address unless configured otherwise, and need a route to the clients for it; passive data works")
	for _, family := range Families() {
		if n := len(cluster.VIPsOf(family)); cluster.SourceNAT == SourceNATToVIP && n > 1 {
			c.note(in.sourceNAT.position, "with source-nat: snat, sessions on all but one of the %d %s VIPs may have control and data connections from different addresses, which FTP servers refuse by default; source-nat: masquerade has one address", n, family)
		}
	}
}

// conntrack checks the sysctls against source-nat, which needs connection tracking.
func (c *checker) conntrack() {
	i := slices.IndexFunc(c.spec.Clusters, func(c Cluster) bool { return c.SourceNAT != NoSourceNAT })
	if i < 0 {
		return
	}
	for _, sysctl := range c.file.director.sysctls.value {
		value, err := strconv.ParseInt(sysctl.value.Value, 0, 32)
		if sysctl.value.Name == ConntrackSysctl && (err != nil || value == 0) {
			c.mistake(sysctl.position, "sysctl %s: %s contradicts source-nat of %s: the kernel translates only packets that connection tracking knows, and with 0 IPVS ends their tracking; remove the sysctl, which source-nat sets to 1",
				ConntrackSysctl, clip(sysctl.value.Value), c.label(i))
		}
	}
}

// localClients notes clusters that a client on the director reaches only under conditions.
func (c *checker) localClients() {
	if !c.spec.Director.LocalClients {
		return
	}
	for i := range c.spec.Clusters {
		if forwarding := c.spec.Clusters[i].Forwarding; forwarding != NAT {
			c.note(c.file.director.local.position, "answers of %s, which forwards by %s, come from the VIP to a client on the director: the client must bind another address of the director, and the device of the answers needs the sysctls accept_local=1 and rp_filter=0", c.label(i), forwarding)
		}
	}
}

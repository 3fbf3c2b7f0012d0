package config

import (
	"cmp"
	"net/netip"
	"slices"
)

// activeData checks the active data of one cluster.
func (c *checker) activeData(i int) {
	in, cluster := c.cluster(i)
	active := &in.ftp.value.active
	if active.present && !cluster.Forwards(NAT) && !in.forwardingUnreadable() {
		c.mistake(active.position, "active-data is for nat, and this cluster forwards by %s: real servers reach clients by themselves; remove active-data", methodsOf(cluster))
		return
	}
	if cluster.FTP == nil || cluster.FTP.Active == nil {
		return
	}
	c.snatVIPs(active.value.translate, cluster)
	if active.value.sources.present {
		c.sources(i)
	}
}

func (c *checker) snatVIPs(translate field[Translation], cluster *Cluster) {
	if !translate.valid || translate.value != SNAT {
		return
	}
	for _, family := range Families() {
		vips := cluster.VIPsOf(family)
		switch n := len(vips); {
		case n == 1 && !vips[0].IsSingle():
			c.mistake(translate.position, "snat is ambiguous: the cluster has the VIPs %s; make a cluster for each VIP, with real servers of its own, or translate: masquerade", vips[0])
		case n > 1:
			c.mistake(translate.position, "snat is ambiguous: the cluster has %d %s VIPs; make a cluster for each VIP, with real servers of its own, or translate: masquerade", n, family)
		}
	}
}

// sources checks the sources in the file: the cluster serves their families, they
// do not overlap, and they contain the real servers.
func (c *checker) sources(i int) {
	in, cluster := c.cluster(i)
	given := in.ftp.value.active.value.sources
	sorted := c.networks(i, "source", given.value)
	if given.valid && cluster.FTP.Active.Translate != NoTranslation {
		c.serversOutside(values(sorted), in)
	}
}

// serversOutside notes real servers that no source contains. The sources must be
// sorted and must not overlap.
func (c *checker) serversOutside(sources []netip.Prefix, in *fileCluster) {
	for _, server := range in.servers.value {
		address := server.value.address
		if !address.valid || server.value.forwarding.or(in.forwarding.or(NAT)) != NAT {
			continue
		}
		next, _ := slices.BinarySearchFunc(sources, hostPrefix(address.value), func(source, host netip.Prefix) int {
			return cmp.Or(source.Addr().Compare(host.Addr()), -1)
		})
		if next == 0 || !sources[next-1].Contains(address.value) {
			c.note(address.position, "active data of %s is not translated: no source of active-data holds it", address.value)
		}
	}
}

// comparePrefixes sorts a network before its subnets.
func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// sourceText returns a source as operators write it: a host without prefix length.
func sourceText(source netip.Prefix) string {
	if source.IsSingleIP() {
		return source.Addr().String()
	}
	return source.String()
}

// A translatedSource is a source with the translation of its active data in one
// cluster.
type translatedSource struct {
	position
	cluster int
	source  netip.Prefix
	by      Translation
	to      netip.Addr // with snat
}

func (t translatedSource) String() string {
	if t.by == SNAT {
		return "snat to " + t.to.String()
	}
	return t.by.String()
}

// translations checks that clusters which translate the same source and port use
// the same translation. If all clusters masquerade, there is nothing to check.
func (c *checker) translations() {
	notMasquerade := func(cluster Cluster) bool {
		return cluster.FTP != nil && cluster.FTP.Active != nil && cluster.FTP.Active.Translate != Masquerade
	}
	if !slices.ContainsFunc(c.spec.Clusters, notMasquerade) {
		return
	}
	users := map[uint16][]int{}
	for i := range c.spec.Clusters {
		if _, cluster := c.cluster(i); cluster.FTP != nil && cluster.FTP.Active != nil {
			for _, port := range slices.Compact(slices.Sorted(slices.Values(cluster.FTP.Active.Ports))) {
				users[port] = append(users[port], i)
			}
		}
	}
	reported := map[[2]int]bool{}
	for i := range c.spec.Clusters {
		if _, cluster := c.cluster(i); cluster.FTP != nil && cluster.FTP.Active != nil {
			for _, port := range cluster.FTP.Active.Ports {
				c.translationsOf(port, users[port], reported)
				delete(users, port)
			}
		}
	}
}

// translationsOf checks the translations of one port. It goes through the sorted
// sources; the stack outer has the sources that contain the current one.
func (c *checker) translationsOf(port uint16, clusters []int, reported map[[2]int]bool) {
	var all []translatedSource
	for _, i := range clusters {
		all = c.appendTranslated(all, i)
	}
	slices.SortStableFunc(all, func(a, b translatedSource) int { return comparePrefixes(a.source, b.source) })
	var outer []translatedSource
	for _, next := range all {
		for len(outer) > 0 && !outer[len(outer)-1].source.Contains(next.source.Addr()) {
			outer = outer[:len(outer)-1]
		}
		if n := len(outer); n > 0 {
			c.reportConflict(port, outer[n-1], next, reported)
		}
		outer = append(outer, next)
	}
}

func (c *checker) reportConflict(port uint16, a, b translatedSource, reported map[[2]int]bool) {
	if a.by == b.by && a.to == b.to {
		return
	}
	inner := b.source
	if a.cluster > b.cluster {
		a, b = b, a
	}
	pair := [2]int{a.cluster, b.cluster}
	if reported[pair] {
		return
	}
	reported[pair] = true
	c.mistake(b.position, "active data of %s from port %d is ambiguous: %s here, %s in %s; give each cluster real servers of its own, or the same translate: masquerade",
		sourceText(inner), port, b, a, c.label(a.cluster))
}

// appendTranslated adds the sources of one cluster if their translation is known.
func (c *checker) appendTranslated(all []translatedSource, i int) []translatedSource {
	in, cluster := c.cluster(i)
	if in.forwardingUnreadable() || in.ftp.unreadable() || in.ftp.value.active.unreadable() || in.ftp.value.active.value.translate.unreadable() {
		return all
	}
	if cluster.FTP.Active.Translate == SNAT && in.vips.unreadable() {
		return all
	}
	for _, source := range in.sources() {
		vip := c.served[i][FamilyOf(source.value.Addr())].First
		if !vip.IsValid() { // sources reports it
			continue
		}
		entry := translatedSource{source.position, i, source.value, cluster.FTP.Active.Translate, netip.Addr{}}
		if entry.by == SNAT {
			entry.to = vip
		}
		all = append(all, entry)
	}
	return all
}

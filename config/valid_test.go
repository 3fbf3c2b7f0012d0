package config

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
)

// assertValid checks the guarantees that other packages rely on. It compares every
// pair, which is simpler than the algorithms of check.
func assertValid(t assert.TestingT, spec *Spec) {
	assert.NotEmpty(t, spec.Clusters)
	forwards := false
	for i := range spec.Clusters {
		assertValidCluster(t, &spec.Clusters[i])
		forwards = forwards || spec.Clusters[i].Forwards(NAT)
		for j := range i {
			assertNoConflict(t, &spec.Clusters[j], &spec.Clusters[i])
		}
		for j := range spec.Clusters {
			for _, server := range spec.Clusters[i].RealServers {
				assert.False(t, slices.ContainsFunc(spec.Clusters[j].VIPs, func(vips AddressRange) bool { return vips.Contains(server.Address) }))
			}
		}
	}
	assert.Regexp(t, `^[A-Za-z_][A-Za-z0-9_]{0,63}$`, spec.Director.Table)
	assert.True(t, slices.IsSortedFunc(spec.Director.Sysctls, func(a, b Sysctl) int { return strings.Compare(a.Name, b.Name) }))
	conntrack := Sysctl{"net.ipv4.vs.conntrack", "0"}
	translates := slices.ContainsFunc(spec.Clusters, func(c Cluster) bool { return c.SourceNAT != NoSourceNAT })
	assert.False(t, translates && slices.Contains(spec.Director.Sysctls, conntrack))
	for i, sysctl := range spec.Director.Sysctls {
		assert.Regexp(t, `^net\.`, sysctl.Name)
		path := filepath.Join("/proc/sys", strings.NewReplacer(".", "/", "/", ".").Replace(sysctl.Name))
		assert.True(t, strings.HasPrefix(path, "/proc/sys/net/"), path)
		assert.NotContains(t, sysctl.Value, "\n")
		assert.True(t, i == 0 || sysctl.Name != spec.Director.Sysctls[i-1].Name)
	}
}

func assertValidCluster(t assert.TestingT, c *Cluster) {
	assert.Regexp(t, `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`, c.Name)
	assert.NotZero(t, c.Mark)
	assert.Contains(t, Schedulers(), c.Scheduler)
	assert.Zero(t, c.Persistence%time.Second)
	assert.True(t, 0 <= c.Persistence && c.Persistence <= maxPersistence)
	assert.LessOrEqual(t, len(c.VIPDevice), 15)
	assert.NotEqual(t, c.FTP == nil, c.Ports == nil)
	assert.NotEmpty(t, c.MarkedPorts())
	for _, ports := range c.MarkedPorts() {
		assert.True(t, ports == AllPorts() || 1 <= ports.Low && ports.Low <= ports.High)
	}
	addresses := slices.Clone(c.VIPs)
	for _, server := range c.RealServers {
		addresses = append(addresses, SingleAddress(server.Address))
		assert.True(t, 0 <= server.Weight && server.Weight <= 65535)
	}
	for i, r := range addresses {
		assert.Equal(t, r.First.BitLen(), r.Last.BitLen())
		assert.False(t, r.Last.Less(r.First))
		for _, addr := range []netip.Addr{r.First, r.Last} {
			assert.True(t, addr.IsValid() && addr.Zone() == "" && !addr.Is4In6() && !addr.IsMulticast() && !addr.IsUnspecified())
		}
		assert.False(t, slices.ContainsFunc(addresses[:i], r.Overlaps))
	}
	for _, family := range Families() {
		assert.True(t, c.Only == nil || len(c.Only.Sources) == 0 || c.Serves(family) == (len(c.Only.SourcesOf(family)) > 0))
		assert.Equal(t, c.Serves(family), len(c.RealServersOf(family)) > 0)
		if c.Serves(family) {
			assert.True(t, 0 <= c.PersistenceNetmask && c.PersistenceNetmask <= family.Bits())
		}
	}
	assert.True(t, c.SourceNAT == NoSourceNAT || c.Forwards(NAT))
	assert.Equal(t, c.FTP != nil && c.Forwards(NAT), c.FTP != nil && c.FTP.Active != nil)
	if c.FTP != nil && c.FTP.Active != nil {
		assertValidActive(t, c)
	}
}

func assertValidActive(t assert.TestingT, c *Cluster) {
	active := c.FTP.Active
	assert.NotEmpty(t, active.Sources)
	assert.NotEmpty(t, active.Ports)
	assert.NotContains(t, active.Ports, 0)
	for i, source := range active.Sources {
		assert.True(t, source.IsValid() && source == source.Masked())
		assert.True(t, c.Serves(FamilyOf(source.Addr())))
		for _, other := range active.Sources[:i] {
			assert.False(t, source.Overlaps(other))
		}
	}
	for _, family := range Families() {
		assert.False(t, active.Translate == SNAT && (len(c.VIPsOf(family)) > 1 || len(c.VIPsOf(family)) == 1 && !c.VIPsOf(family)[0].IsSingle()))
	}
}

// assertNoConflict checks that two clusters have different names, marks and ports
// of common VIPs, and do not translate the same packets differently.
func assertNoConflict(t assert.TestingT, a, b *Cluster) {
	assert.NotEqual(t, a.Name, b.Name)
	for _, family := range Families() {
		if !a.Serves(family) || !b.Serves(family) {
			continue
		}
		assert.NotEqual(t, a.Mark, b.Mark)
		if ambiguous(a, b, family) {
			assert.Equal(t, a.FTP.Active.Translate, b.FTP.Active.Translate)
			assert.True(t, a.FTP.Active.Translate != SNAT || slices.Equal(a.VIPsOf(family), b.VIPsOf(family)))
		}
	}
	for _, x := range a.VIPs {
		for _, y := range b.VIPs {
			nested := x != y && (x.Encloses(y) || y.Encloses(x)) && slices.Equal(a.MarkedPorts(), b.MarkedPorts()) && a.Only == nil
			if !x.Overlaps(y) || nested || areApart(a.Only, b.Only, x.Family()) {
				continue
			}
			for _, ports := range a.MarkedPorts() {
				assert.False(t, slices.ContainsFunc(b.MarkedPorts(), ports.Overlaps))
			}
		}
	}
}

// areApart reports whether no packet belongs to both clusters. A cluster without only gets
// the packets that the other one does not take.
func areApart(a, b *Only, family Family) bool {
	if (a == nil) != (b == nil) {
		return true
	}
	if a == nil {
		return false
	}
	bothHaveSources, bothHaveDevices := len(a.SourcesOf(family)) > 0 && len(b.SourcesOf(family)) > 0, len(a.Devices) > 0 && len(b.Devices) > 0
	commonSource := slices.ContainsFunc(a.SourcesOf(family), func(s netip.Prefix) bool { return slices.ContainsFunc(b.SourcesOf(family), s.Overlaps) })
	commonDevice := slices.ContainsFunc(a.Devices, func(d string) bool { return slices.Contains(b.Devices, d) })
	return bothHaveSources && !commonSource || bothHaveDevices && !commonDevice
}

// ambiguous reports whether two clusters translate the same packets.
func ambiguous(a, b *Cluster, family Family) bool {
	if a.FTP == nil || b.FTP == nil || a.FTP.Active == nil || b.FTP.Active == nil {
		return false
	}
	if !slices.ContainsFunc(a.FTP.Active.Ports, func(port uint16) bool { return slices.Contains(b.FTP.Active.Ports, port) }) {
		return false
	}
	return slices.ContainsFunc(a.FTP.Active.Sources, func(source netip.Prefix) bool {
		return FamilyOf(source.Addr()) == family && slices.ContainsFunc(b.FTP.Active.Sources, source.Overlaps)
	})
}

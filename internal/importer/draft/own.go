package draft

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// wholeElements returns the boxes with the whole elements of lvsmark's maps as destinations.
// lvsmark's rules narrow an element to several parts if clusters with other ports have these
// addresses too.
func wholeElements(boxes []box, services []*oldconfig.Service) []box {
	type key struct {
		family oldconfig.Family
		mark   uint32
	}
	own := map[key]bool{}
	for _, s := range services {
		own[key{s.Family, s.Mark}] = s.Binding != ""
	}
	for i := range boxes {
		if b := &boxes[i]; own[key{b.family, b.mark}] && b.element != nil {
			b.destinations = []oldconfig.Range{*b.element}
		}
	}
	return boxes
}

// joinOwn joins the clusters that lvsmark's ledger names: the families of a cluster, and its
// passive shards. Their ports and VIPs are exactly those of a spec.
func (d *Draft) joinOwn() {
	byName := map[string]*cluster{}
	isPart := map[*cluster]bool{}
	for _, c := range d.clusters {
		name, isShard := c.binding()
		if name == "" || isShard {
			continue
		}
		c.own = true
		if first := byName[name]; first == nil {
			byName[name] = c
		} else {
			first.takeFamily(c)
			isPart[c] = true
		}
	}
	for _, c := range d.clusters {
		name, isShard := c.binding()
		if of := byName[name]; isShard && of != nil && len(c.ports) == 1 && len(c.services[0].RealServers) == 1 {
			of.shards = append(of.shards, shard{of: c, ports: c.ports[0], real: c.services[0].RealServers[0], number: c.shardNumber()})
			isPart[c] = true
		}
	}
	d.clusters = slices.DeleteFunc(d.clusters, func(c *cluster) bool { return isPart[c] })
	for _, c := range d.clusters {
		c.orderShards()
	}
}

// binding returns the name in the ledger of the cluster's service; empty: it has none.
func (c *cluster) binding() (name string, isShard bool) {
	if len(c.services) == 0 {
		return "", false
	}
	return config.SplitBindingName(c.services[0].Binding)
}

func (c *cluster) shardNumber() int {
	_, number, _ := strings.Cut(c.services[0].Binding, "/")
	n, _ := strconv.Atoi(number)
	return n
}

// takeFamily adds the other family of the same cluster.
func (c *cluster) takeFamily(other *cluster) {
	c.vips = append(c.vips, other.vips...)
	c.only.sources = slices.Concat(c.only.sources, other.only.sources)
	c.lines = append(c.lines, other.lines...)
	c.services = append(c.services, other.services...)
}

// orderShards sorts the shards by number, and finds the passive ports of which they are parts.
func (c *cluster) orderShards() {
	if !c.own || c.shards == nil {
		return
	}
	slices.SortStableFunc(c.shards, func(a, b shard) int { return a.number - b.number })
	c.passive = passiveOfNumbered(c.shards)
}

// passiveOfNumbered returns passive ports whose parts with the numbers of the shards are the
// ports of the shards. Ports of shards without a real server are of no packet that is marked:
// any free ports between those of the others do.
func passiveOfNumbered(shards []shard) []config.PortRange {
	first, last := shards[0], shards[len(shards)-1]
	width := first.ports.Width()
	if first.number == last.number { // it may be the wider one, at the end
		width = min(width, int(first.ports.High)/(first.number+1))
	}
	var ranges []config.PortRange
	add := func(low, high int) {
		if n := len(ranges); n > 0 && int(ranges[n-1].High)+1 == low {
			ranges[n-1].High = uint16(high)
			return
		}
		ranges = append(ranges, config.PortRange{Protocol: config.TCP, Low: uint16(low), High: uint16(high)})
	}
	free := int(first.ports.Low) - first.number*width
	for i, s := range shards {
		if i > 0 {
			if s.number == shards[i-1].number {
				continue // the other family
			}
			free = int(shards[i-1].ports.High) + 1
			missing := (s.number - shards[i-1].number - 1) * width
			if missing > 0 && int(s.ports.Low)-free != missing {
				add(free, free+missing-1)
				missing = 0
			}
			free = int(s.ports.Low) - missing
		}
		add(free, int(s.ports.High))
	}
	return ranges
}

// findOwnFTP finds the FTP clusters among those of lvsmark. A cluster of ports in the spec
// that has the same rules as one of FTP becomes one of FTP. Clusters with unusual ports are of
// FTP only if active data is translated that is of no other cluster.
func (d *Draft) findOwnFTP(c *oldconfig.Config, translations []translation) {
	if c.Applied == nil {
		return
	}
	claims := newClaims(slices.DeleteFunc(slices.Clone(translations), func(t translation) bool { return t.table != tableName(t.family, c.Applied.Table) }))
	isUsual := func(c *cluster) bool { return c.shards != nil || ftpPorts(c, nil) != nil }
	own := slices.DeleteFunc(slices.Clone(d.clusters), func(c *cluster) bool { return !c.own })
	choices := map[*cluster]int{}
	for _, c := range own {
		choices[c] = len(claims.choices(c))
	}
	slices.SortStableFunc(own, func(a, b *cluster) int { return choices[a] - choices[b] })
	for _, c := range own {
		if isUsual(c) {
			c.ftp = c.ownFTP(claims)
		}
	}
	for _, c := range own {
		if c.ftp == nil && claims.free(claims.of(c)) > 0 {
			c.ftp = c.ownFTP(claims)
		}
	}
	for _, o := range claims.owners {
		d.checkPassive(o.cluster, o.f, c.FTP)
	}
	for _, t := range claims.settle() {
		d.remark(t.line, "the rule translates active data of no cluster")
	}
}

// tableName returns a table of nft as package firewall names it.
func tableName(f oldconfig.Family, table string) string {
	if f == config.IPv4 {
		return "ip " + table
	}
	return "ip6 " + table
}

// ownFTP returns the settings of FTP that have the ports of the cluster; nil if there are none.
func (c *cluster) ownFTP(claims *claims) *ftp {
	f := &ftp{translates: len(natServers(c)) > 0, translate: config.NoTranslation}
	if c.shards != nil {
		f.shards, f.shardMarks = c.shardCount(), c.shardMarks()
	}
	claimed := claims.of(c)
	var ports []uint16
	for _, i := range claimed {
		if !slices.Contains(ports, claims.all[i].port) {
			ports = append(ports, claims.all[i].port)
		}
		f.translate = config.Masquerade
		if len(claims.all[i].of.to) > 0 {
			f.translate = config.SNAT
		}
	}
	for _, s := range c.splits(len(claimed) > 0) {
		f.control, f.passive, f.activePorts = s.control, s.passive, ports
		if c.shards != nil {
			f.passive = c.passive
		}
		if ports == nil {
			f.activePorts = s.data
		}
		if len(f.control) > 0 && len(f.passive) > 0 && c.hasPorts(f) {
			claims.give(c, f, claimed)
			return f
		}
	}
	return nil
}

// hasPorts reports whether a spec with these settings marks the ports of the cluster.
func (c *cluster) hasPorts(f *ftp) bool {
	spec := config.Cluster{FTP: &config.FTP{ControlPorts: f.control, PassivePorts: f.passive}}
	if c.shards != nil {
		spec.FTP.PassivePorts = nil
	}
	for _, s := range c.services {
		for _, r := range s.RealServers {
			spec.RealServers = append(spec.RealServers, config.RealServer{Forwarding: r.Forwarding})
		}
	}
	if spec.Forwards(config.NAT) {
		spec.FTP.Active = &config.ActiveData{Ports: f.activePorts}
		if f.activePorts == nil {
			spec.FTP.Active.Ports = []uint16{config.DefaultActivePort}
		}
	}
	wanted := config.Cluster{Ports: c.ports}
	return slices.Equal(spec.MarkedPorts(), wanted.MarkedPorts())
}

// A split is ports of a cluster by their use.
type split struct {
	control, data []uint16
	passive       []config.PortRange
}

// splits returns the ways in which the ports may be those of FTP, the most usual one first. If
// the cluster is of FTP for certain, there is one at least.
func (c *cluster) splits(certain bool) []split {
	if slices.ContainsFunc(c.ports, func(r config.PortRange) bool { return r.Protocol != config.TCP }) || c.everyPort || c.hasServerPort() {
		return nil
	}
	if c.shards != nil {
		all := singles(c.ports)
		noData := slices.DeleteFunc(slices.Clone(all), isDataPort)
		return []split{{control: noData}, {control: all}, {control: all, data: all[:1]}}
	}
	var list []split
	if f := ftpPorts(c, nil); f != nil {
		list = append(list, split{control: f.control, passive: f.passive})
	}
	if !certain {
		return list
	}
	first := c.ports[0].Low
	if f := otherFTPPorts(c); f != nil {
		list = append(list, split{control: f.control, passive: f.passive})
	}
	within := split{control: []uint16{first}, passive: c.ports}
	withData := within
	withData.data = []uint16{first}
	return append(list, within, withData)
}

// hasServerPort reports whether a real server has a port of its own, which FTP has not.
func (c *cluster) hasServerPort() bool {
	return slices.ContainsFunc(c.services, func(s *oldconfig.Service) bool {
		return slices.ContainsFunc(s.RealServers, func(r oldconfig.RealServer) bool { return r.Port != 0 })
	})
}

func (c *cluster) serves(f oldconfig.Family) bool { return slices.Contains(c.families(), f) }

func isDataPort(p uint16) bool { return p == dataPort || p == implicitDataPort }

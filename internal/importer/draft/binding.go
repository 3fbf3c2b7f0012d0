package draft

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// bindServices gives each marked cluster the service of its mark and family.
func (d *Draft) bindServices(services []*oldconfig.Service) {
	marked := map[oldconfig.Family]map[uint32]*cluster{config.IPv4: {}, config.IPv6: {}}
	for _, c := range d.clusters {
		marked[c.vips[0].family][c.mark] = c
	}
	for _, s := range services {
		switch c := marked[s.Family][s.Mark]; {
		case s.Mark == 0:
		case c == nil:
			d.remark(s.Line, "no rule sets mark %s of this service (%s): give the file with the rules as well", markText(s.Mark), s.Family)
		case len(c.services) > 0:
			d.remark(s.Line, "a second service for mark %s; the first is in %s", markText(s.Mark), c.services[0].Line)
		default:
			c.services = append(c.services, s)
			d.checkAddress(c, s)
		}
	}
	if !d.bind {
		return
	}
	for _, c := range d.clusters {
		if len(c.services) == 0 {
			d.remark(c.line(), "no service has mark %s (%s): the packets are marked, and IPVS ignores them", markText(c.mark), c.vips[0].family)
		}
	}
}

// checkFlags remarks on flags that have no effect: ipvsadm --ops of a service that has other packets
// than UDP, and flags of a scheduler that has none.
func (d *Draft) checkFlags(c *cluster) {
	for _, s := range c.services {
		if s.Flags&(ipvs.SHFallback|ipvs.SHPort) != 0 && schedulerFlags(s) == nil {
			d.remark(s.Line, "the flags of the scheduler are left out: they have an effect with sh and mh only, not with %s", s.Scheduler)
		}
		if s.Flags&ipvs.OnePacket != 0 && !c.isUDP() {
			d.remark(s.Line, "IPVS schedules each packet on its own (ops) for UDP only, and this service has other packets: one-packet is left out; make a cluster of its own for UDP ports that need it")
		}
	}
}

// checkAddress compares the address that the file names for a fwmark service with the
// marked addresses.
func (d *Draft) checkAddress(c *cluster, s *oldconfig.Service) {
	if !s.Address.Addr().IsValid() {
		return
	}
	n := oldconfig.AddressNumber(s.Address.Addr())
	if !slices.ContainsFunc(c.vips, func(v vip) bool { return v.addresses.Contains(oldconfig.Range{Low: n, High: n}) }) {
		d.remark(c.line(), "the rules mark packets to %s, but the VIP of the service in %s is %s", c.vips[0], s.Line, s.Address.Addr())
	}
}

// addAddressClusters makes a cluster with a mark of each service without a mark.
func (d *Draft) addAddressClusters(c *oldconfig.Config) {
	marks, groups, ahead := d.newMarkAllocator(), map[group]*cluster{}, servicesAhead(c, d.clusters)
	for _, s := range c.Services {
		if s.Mark != 0 {
			continue
		}
		at := oldconfig.AddressNumber(s.Address.Addr())
		to := vip{oldconfig.Range{Low: at, High: at}, s.Family, s.Line}
		ports := ahead.leave(s, portsOfService(s))
		if ports == nil {
			d.remark(s.Line, "IPVS never uses this service: all its packets are marked, and have the service of their mark. It is left out")
			continue
		}
		d.remarkPorts(s)
		if same := groups[groupOf(s)]; same != nil && s.Timeout == 0 && slices.Equal(same.ports, ports) {
			same.vips = append(same.vips, to)
			continue
		}
		cl := &cluster{mark: marks.free(s.Address), services: []*oldconfig.Service{s}, vips: []vip{to}, ports: ports, free: ahead.free(s, ports)}
		d.clusters = append(d.clusters, cl)
		if s.Timeout == 0 {
			groups[groupOf(s)] = cl
		}
	}
}

func (d *Draft) remarkPorts(s *oldconfig.Service) {
	switch {
	case s.Address.Port() == 0:
		d.remark(s.Line, "the service at port 0 takes every %s port without a service of its own. The cluster has a mark and takes all of them; if it serves FTP alone, write ftp: in place of ports:", s.Protocol)
	case isControl(s):
		d.remark(s.Line, "FTP without a mark becomes a cluster with a mark: data connections then belong to the cluster by their mark, and also work with TLS. Only the passive ports of the spec reach it, in place of all unprivileged ports")
	}
}

// A markAllocator returns marks that no cluster has.
type markAllocator struct {
	taken map[uint32]bool
	next  map[uint32]uint32 // by port
}

func (d *Draft) newMarkAllocator() *markAllocator {
	m := &markAllocator{taken: map[uint32]bool{}, next: map[uint32]uint32{}}
	for _, c := range d.clusters {
		m.taken[c.mark] = true
	}
	return m
}

// free returns the port as mark, or the next free number.
func (m *markAllocator) free(vip netip.AddrPort) uint32 {
	port := max(1, uint32(vip.Port()))
	mark := max(port, m.next[port])
	for m.taken[mark] {
		mark++
	}
	m.taken[mark], m.next[port] = true, mark+1
	return mark
}

// merge joins clusters of two families with the same mark if all else is equal. Families
// of a cluster without a mark of its own have different marks; they stay apart.
func merge(clusters []*cluster) []*cluster {
	var all []*cluster
	byMark := map[uint32][]*cluster{}
	for _, c := range clusters {
		same := byMark[c.mark]
		i := slices.IndexFunc(same, func(other *cluster) bool { return other.joins(c) })
		if i < 0 {
			all, byMark[c.mark] = append(all, c), append(same, c)
			continue
		}
		same[i].vips = append(same[i].vips, c.vips...)
		same[i].only.sources = slices.Concat(same[i].only.sources, c.only.sources)
		same[i].lines = append(same[i].lines, c.lines...)
		same[i].services = append(same[i].services, c.services...)
		same[i].ftp.join(c.ftp)
		same[i].shards = append(same[i].shards, c.shards...)
		if c.sourceNAT > same[i].sourceNAT {
			same[i].sourceNAT, same[i].sourceNATLine = c.sourceNAT, c.sourceNATLine
		}
	}
	return all
}

func (c *cluster) joins(other *cluster) bool {
	return !c.own && !other.own && c.mark == other.mark && len(c.lines) > 0 && len(other.lines) > 0 &&
		!slices.Contains(c.families(), other.vips[0].family) &&
		slices.Equal(c.ports, other.ports) && c.everyPort == other.everyPort &&
		c.only.fits(other.only) &&
		sameSettings(c.services, other.services) && c.ftp.fits(other.ftp) &&
		(c.sourceNAT == other.sourceNAT || !c.hasNAT() || !other.hasNAT())
}

// hasNAT reports whether a real server has nat.
func (c *cluster) hasNAT() bool {
	return slices.ContainsFunc(c.services, func(s *oldconfig.Service) bool { return len(active(s)) > 0 })
}

// sameSettings reports whether two lists of at most one service can be one cluster.
func sameSettings(a, b []*oldconfig.Service) bool {
	if len(a) != 1 || len(b) != 1 {
		return len(a) == len(b)
	}
	x, y := settingsOf(a[0]), settingsOf(b[0])
	return x == y
}

// settings are the settings of a cluster that its service decides.
type settings struct {
	scheduler string
	flags     uint32
	timeout   int64
	netmask   int // 0: the whole address
}

func settingsOf(s *oldconfig.Service) settings {
	netmask := s.Netmask
	if s.Timeout == 0 || netmask == s.Family.Bits() {
		netmask = 0
	}
	return settings{s.Scheduler, s.Flags, int64(s.Timeout), netmask}
}

// commonForwarding returns the forwarding method of most real servers.
func commonForwarding(s *oldconfig.Service) config.Forwarding {
	var counts [3]int
	for _, r := range s.RealServers {
		counts[r.Forwarding]++
	}
	most := config.NAT
	for f, n := range counts {
		if n > counts[most] {
			most = config.Forwarding(f)
		}
	}
	return most
}

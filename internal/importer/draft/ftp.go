package draft

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// An ftp is the settings of an FTP cluster.
type ftp struct {
	control     []uint16
	passive     []config.PortRange
	activePorts []uint16 // nil: not translated, or the default
	translate   config.Translation
	sources     []string // of active data; nil: the real servers
	data        []uint16 // ports of active data that are marked
	line        oldconfig.Line
	translates  bool // forwarding nat
	compared    bool // with the configuration of the FTP servers
	shards      int
	shardMarks  uint32
}

const (
	implicitControlPort = 990
	implicitDataPort    = 989
	dataPort            = config.DefaultActivePort
)

// findFTP makes an FTP cluster of a cluster whose ports are those of FTP, or whose active
// data a rule translates.
func (d *Draft) findFTP(c *cluster, servers []*oldconfig.FTPServer, translations []translation) {
	f := ftpPorts(c, servers)
	if f == nil && len(d.ofCluster(c, translations)) > 0 {
		f = otherFTPPorts(c)
	}
	if c.shards != nil {
		f = c.controlOfShards(f)
	}
	if f == nil {
		return
	}
	if len(f.passive) == 0 && c.defaultPassive() == nil {
		d.remark(c.line(), "port %d is a control port of FTP, and other services of the VIP have all ports for its data connections: the cluster has the control port alone", f.control[0])
		return
	}
	if c.shards != nil {
		f.passive, f.shards, f.shardMarks = c.passive, c.shardCount(), c.shardMarks()
	}
	d.checkDataPorts(c, f)
	slices.SortStableFunc(f.passive, func(a, b config.PortRange) int { return cmp.Compare(b.Width(), a.Width()) })
	d.checkPassive(c, f, servers)
	c.ftp = f
}

// controlOfShards returns the ports of a cluster with shards: all but those of active data are
// control ports.
func (c *cluster) controlOfShards(f *ftp) *ftp {
	if f == nil {
		return &ftp{control: singles(c.ports)}
	}
	f.control = append(f.control, singles(f.passive)...)
	return f
}

// singles returns each port of the ranges.
func singles(ranges []config.PortRange) []uint16 {
	var ports []uint16
	for _, r := range ranges {
		for p := int(r.Low); p <= int(r.High); p++ {
			ports = append(ports, uint16(p))
		}
	}
	return ports
}

// ftpPorts returns the ports of a cluster that has the usual control ports, or those of the
// FTP servers; nil if it has not, or has ports of other services.
func ftpPorts(c *cluster, servers []*oldconfig.FTPServer) *ftp {
	f := &ftp{}
	listen := map[uint16]bool{config.DefaultControlPort: true, implicitControlPort: true}
	for _, s := range servers {
		listen[s.Listen] = s.Listen != 0
	}
	for _, r := range withSinglePorts(c.ports) {
		switch {
		case r.Protocol != config.TCP:
			return nil
		case r.Low != r.High || r.Low >= 1024 && !listen[r.Low]:
			f.passive = append(f.passive, r)
		case listen[r.Low]:
			f.control = append(f.control, r.Low)
		case r.Low == dataPort || r.Low == implicitDataPort:
			f.data = append(f.data, r.Low)
		default:
			return nil
		}
	}
	if f.control == nil {
		return nil
	}
	f.moveSinglePorts()
	return f
}

// moveSinglePorts makes control ports of single passive ports if there is a range as well:
// a server that also listens at 2121 is more likely than a range of one port.
func (f *ftp) moveSinglePorts() {
	isSingle := func(r config.PortRange) bool { return r.Low == r.High }
	if !slices.ContainsFunc(f.passive, func(r config.PortRange) bool { return !isSingle(r) }) {
		return
	}
	for _, r := range f.passive {
		if isSingle(r) {
			f.control = append(f.control, r.Low)
		}
	}
	f.passive = slices.DeleteFunc(f.passive, isSingle)
}

// withSinglePorts returns the ports with the data port and the control port apart, which one
// range of a rule can have together.
func withSinglePorts(ports []config.PortRange) []config.PortRange {
	var apart []config.PortRange
	for _, r := range ports {
		if r.Width() == 2 && (r.Low == dataPort || r.Low == implicitDataPort) {
			low, high := r, r
			low.High, high.Low = r.Low, r.High
			apart = append(apart, low, high)
			continue
		}
		apart = append(apart, r)
	}
	return apart
}

// otherFTPPorts returns the ports of a cluster that a rule for active data shows to be FTP:
// ranges are passive, and single ports control ports.
func otherFTPPorts(c *cluster) *ftp {
	f := &ftp{}
	for _, r := range c.ports {
		switch {
		case r.Protocol != config.TCP:
			return nil
		case r.Low != r.High:
			f.passive = append(f.passive, r)
		default:
			f.control = append(f.control, r.Low)
		}
	}
	if f.passive == nil {
		return nil
	}
	if f.control == nil {
		f.control = []uint16{f.passive[0].Low} // within a passive range
	}
	return f
}

// checkDataPorts: with direct and tunnel, answers to active data go to the port of active
// data of the VIP, and need the mark. With nat, no packet to a VIP has that port.
func (d *Draft) checkDataPorts(c *cluster, f *ftp) {
	if len(c.services) == 0 || len(c.services[0].RealServers) == 0 {
		return
	}
	allNAT := !slices.ContainsFunc(c.services[0].RealServers, func(r oldconfig.RealServer) bool {
		return !r.Disabled && !r.Fallback && r.Forwarding != config.NAT
	})
	for _, port := range f.data {
		if allNAT {
			d.remark(c.line(), "packets to port %d are marked: with forwarding nat that has no use, so the spec leaves it out", port)
		}
	}
	for _, control := range f.control {
		data := uint16(dataPort)
		if control == implicitControlPort {
			data = implicitDataPort
		}
		if !allNAT && !slices.Contains(f.data, data) {
			d.remark(c.line(), "packets to port %d are not marked: with direct or tunnel, answers of clients to active data go there and do not reach the real server. The spec marks them", data)
		}
	}
}

// checkPassive compares the marked ports with the ranges of the FTP servers.
func (d *Draft) checkPassive(c *cluster, f *ftp, servers []*oldconfig.FTPServer) {
	if c.lines == nil && len(servers) > 0 { // no rule has a range: take that of the servers
		f.passive = nil
		for _, s := range servers {
			for _, r := range c.within(s.PassivePort) {
				if !slices.Contains(f.passive, r) {
					f.passive = append(f.passive, r)
				}
			}
		}
	}
	if len(f.passive) == 0 {
		f.passive = c.defaultPassive()
		d.remark(c.line(), "no passive port is marked: passive data connections do not reach the real servers, unless the module ip_vs_ftp helps, which cannot read TLS. The spec has the default range %s", portsText(f.passive))
	}
	f.compared = len(servers) > 0
	for _, s := range servers {
		d.checkServerRange(f, s)
		d.checkServerAddress(c, s)
	}
}

// defaultPassive returns the default range, without the ports that other services of the VIP have.
func (c *cluster) defaultPassive() []config.PortRange {
	whole := config.PortRange{Protocol: config.TCP, Low: config.DefaultPassiveLow, High: config.DefaultPassiveHigh}
	if c.lines == nil {
		return c.within(whole)
	}
	return []config.PortRange{whole}
}

// checkControlPorts adds a finding for each FTP server whose control port no cluster has.
func (d *Draft) checkControlPorts(servers []*oldconfig.FTPServer) {
	if len(d.clusters) == 0 {
		return
	}
	for _, s := range servers {
		port := cmp.Or(s.Listen, config.DefaultControlPort)
		if !slices.ContainsFunc(d.clusters, func(c *cluster) bool { return c.hasPort(port) }) {
			d.remark(s.Line, "no cluster has the control port %d of %s: no session reaches it", port, s.Program)
		}
	}
}

// hasPort reports whether packets to a port of TCP belong to the cluster.
func (c *cluster) hasPort(port uint16) bool {
	return c.everyPort || c.ftp != nil && slices.Contains(c.ftp.control, port) || slices.ContainsFunc(c.ports, func(p config.PortRange) bool {
		return p.Protocol == config.TCP && p.Low <= port && port <= p.High
	})
}

// within returns the part of a passive range that no other service of the VIP has; nil: none.
func (c *cluster) within(passive config.PortRange) []config.PortRange {
	var parts []config.PortRange
	for _, p := range c.free {
		low, high := max(p.Low, passive.Low), min(p.High, passive.High)
		if passive.Low != 0 && low <= high {
			parts = append(parts, config.PortRange{Protocol: config.TCP, Low: low, High: high})
		}
	}
	return parts
}

func (d *Draft) checkServerRange(f *ftp, s *oldconfig.FTPServer) {
	if f.shards > 0 {
		parts := (&config.FTP{PassivePorts: f.passive, Shards: f.shards}).ShardPorts()
		if !slices.Contains(parts, s.PassivePort) {
			d.remark(s.Line, "%s has the passive range %s, which is not that of a shard (%s)", s.Program, s.PassivePort.Ports(), portsText(parts))
		}
		return
	}
	switch within := slices.ContainsFunc(f.passive, func(r config.PortRange) bool {
		return r.Low <= s.PassivePort.Low && s.PassivePort.High <= r.High
	}); {
	case s.PassivePort.Low == 0:
		d.remark(s.Line, "%s has no passive range: it takes any port, but only %s belong to the cluster. Set the range there", s.Program, portsText(f.passive))
	case !within:
		d.remark(s.Line, "%s has the passive range %s, but the marked range is %s: connections to the other ports do not reach it", s.Program, s.PassivePort.Ports(), portsText(f.passive))
	case !slices.Contains(f.passive, s.PassivePort):
		d.remark(s.Line, "%s has the passive range %s, the marked range %s is wider; make them equal", s.Program, s.PassivePort.Ports(), portsText(f.passive))
	}
}

// checkServerAddress: the address of passive replies is the VIP, if the server announces one.
func (d *Draft) checkServerAddress(c *cluster, s *oldconfig.FTPServer) {
	if !s.Address.IsValid() {
		return
	}
	if !slices.Contains(c.families(), config.FamilyOf(s.Address)) {
		return // clients of the other family use EPSV, whose replies have no address
	}
	n := oldconfig.AddressNumber(s.Address)
	if !slices.ContainsFunc(c.vips, func(v vip) bool { return v.addresses.Contains(oldconfig.Range{Low: n, High: n}) }) {
		d.remark(s.Line, "%s announces %s in passive replies, which is not a VIP of this cluster (%s)", s.Program, s.Address, c.vips[0])
	}
}

// fits reports whether clusters of two families with these settings can be one cluster.
// Active data of a family without nat has no settings.
func (f *ftp) fits(other *ftp) bool {
	if f == nil || other == nil {
		return f == other
	}
	return f.shards == other.shards && f.shardMarks == other.shardMarks && slices.Equal(f.control, other.control) && slices.Equal(f.passive, other.passive) &&
		(!f.translates || !other.translates || f.translate == other.translate && slices.Equal(f.activePorts, other.activePorts) &&
			(f.sources == nil) == (other.sources == nil))
}

// join takes the settings of active data of the other family.
func (f *ftp) join(other *ftp) {
	switch {
	case f == nil || !other.translates:
	case !f.translates:
		f.translates, f.translate, f.activePorts, f.sources, f.line = true, other.translate, other.activePorts, other.sources, other.line
	default:
		f.sources = append(f.sources, other.sources...)
	}
}

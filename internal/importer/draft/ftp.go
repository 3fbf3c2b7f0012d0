package draft

import (
	"cmp"
	"slices"
	"strings"

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
	line        oldconfig.Line
	translates  bool // forwarding nat
	compared    bool // with the configuration of the FTP servers
}

const (
	implicitControlPort = 990
	implicitDataPort    = 989
	dataPort            = config.DefaultActivePort
)

// findFTP makes an FTP cluster of a cluster whose ports are those of FTP.
func (d *Draft) findFTP(c *cluster, servers []*oldconfig.FTPServer) {
	f := &ftp{}
	listen := map[uint16]bool{config.DefaultControlPort: true, implicitControlPort: true}
	for _, s := range servers {
		listen[s.Listen] = s.Listen != 0
	}
	for _, r := range c.ports {
		switch {
		case r.Protocol != config.TCP:
			return
		case r.Low != r.High || r.Low >= 1024 && !listen[r.Low]:
			f.passive = append(f.passive, r)
		case listen[r.Low]:
			f.control = append(f.control, r.Low)
		case r.Low == dataPort || r.Low == implicitDataPort:
			d.checkDataPort(c, r.Low)
		default:
			return // other services as well
		}
	}
	if f.control == nil || c.everyPort {
		return
	}
	slices.SortStableFunc(f.passive, func(a, b config.PortRange) int { return cmp.Compare(b.Width(), a.Width()) })
	d.checkPassive(c, f, servers)
	c.ftp = f
}

// checkDataPort: under nat, no packet to a VIP has the port of active data as destination.
func (d *Draft) checkDataPort(c *cluster, port uint16) {
	if len(c.services) > 0 && commonForwarding(c.services[0]) == config.NAT {
		d.remark(c.line(), "packets to port %d are marked: with forwarding nat that has no use, so the spec leaves it out", port)
	}
}

// checkPassive compares the marked ports with the ranges of the FTP servers.
func (d *Draft) checkPassive(c *cluster, f *ftp, servers []*oldconfig.FTPServer) {
	if c.lines == nil && len(servers) > 0 { // no rule has a range: take that of the servers
		f.passive = nil
		for _, s := range servers {
			if s.PassivePort.Low != 0 && !slices.Contains(f.passive, s.PassivePort) {
				f.passive = append(f.passive, s.PassivePort)
			}
		}
	}
	if len(f.passive) == 0 {
		d.remark(c.line(), "no passive port is marked: passive data connections do not reach the real servers, unless the module ip_vs_ftp helps, which cannot read TLS. The spec has the default range %d-%d", config.DefaultPassiveLow, config.DefaultPassiveHigh)
		f.passive = []config.PortRange{{Protocol: config.TCP, Low: config.DefaultPassiveLow, High: config.DefaultPassiveHigh}}
	}
	f.compared = len(servers) > 0
	for _, s := range servers {
		d.checkServerRange(f, s)
		d.checkServerAddress(c, s)
	}
}

func (d *Draft) checkServerRange(f *ftp, s *oldconfig.FTPServer) {
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
	n := oldconfig.AddressNumber(s.Address)
	if !slices.ContainsFunc(c.vips, func(v vip) bool { return v.addresses.Contains(oldconfig.Range{Low: n, High: n}) }) {
		d.remark(s.Line, "%s announces %s in passive replies, which is not a VIP of this cluster (%s)", s.Program, s.Address, c.vips[0])
	}
}

// findActiveData finds the rule that translates the source of active data.
func (d *Draft) findActiveData(c *cluster, chains []*oldconfig.Chain) {
	if c.ftp == nil || len(c.services) == 0 || commonForwarding(c.services[0]) != config.NAT {
		return
	}
	c.ftp.translates = true
	for _, chain := range chains {
		if chain.Base == nil || chain.Base.Hook != oldconfig.Postrouting || chain.Family != c.vips[0].family {
			continue
		}
		for _, r := range chain.Rules {
			if d.isActiveData(c, r) {
				return
			}
		}
	}
	c.ftp.translate = config.NoTranslation
	d.remark(c.line(), "no rule translates the source of active data: clients get connections from the address of a real server. Consider translate: masquerade, the default")
}

// isActiveData takes the translation of a rule if it applies to active data of all real
// servers.
func (d *Draft) isActiveData(c *cluster, r *oldconfig.Rule) bool {
	i := slices.IndexFunc(r.Actions, func(a oldconfig.Action) bool { return a.Kind == oldconfig.TranslateSource })
	if i < 0 {
		return false
	}
	f := *c.ftp
	f.sources, f.activePorts, f.line = nil, nil, r.Line
	for _, m := range r.Matches {
		switch {
		case m.Field == oldconfig.Source && !m.Not && containsServers(m.In, c.services[0]):
			for _, from := range m.In {
				f.sources = append(f.sources, from.Addresses(c.vips[0].family))
			}
		case m.Field == oldconfig.Protocol && holdsFor(m, oldconfig.Number{Low: uint64(config.TCP)}):
		case m.Field == oldconfig.SourcePort && !m.Not && holdsFor(m, oldconfig.Number{Low: dataPort}):
			for _, p := range m.In {
				if p.Low != p.High {
					return false
				}
				f.activePorts = append(f.activePorts, uint16(p.Low.Low))
			}
		case m.Field == oldconfig.OutDevice:
		default:
			return false
		}
	}
	if f.activePorts == nil {
		d.remark(r.Line, "the rule translates more than active data; keep it if other connections need it. The spec translates active data from port %d", dataPort)
	}
	if !d.translation(c, &f, r.Actions[i], r.Line) {
		return false
	}
	*c.ftp = f
	return true
}

func containsServers(sources []oldconfig.Range, s *oldconfig.Service) bool {
	return !slices.ContainsFunc(s.RealServers, func(r oldconfig.RealServer) bool {
		n := oldconfig.AddressNumber(r.Address)
		return !r.Disabled && !r.Fallback && r.Address.Is4() == (s.Family == config.IPv4) && !slices.ContainsFunc(sources, func(from oldconfig.Range) bool {
			return from.Contains(oldconfig.Range{Low: n, High: n})
		})
	})
}

// translation takes what an action translates to: the address of the device, or the VIP.
func (d *Draft) translation(c *cluster, f *ftp, a oldconfig.Action, at oldconfig.Line) bool {
	if len(a.To) == 0 {
		f.translate = config.Masquerade
		return true
	}
	if len(c.vips) == 1 && len(a.To) == 1 && a.To[0] == c.vips[0].addresses {
		f.translate = config.SNAT
		return true
	}
	var to []string
	for _, r := range a.To {
		to = append(to, r.Addresses(c.vips[0].family))
	}
	d.remark(at, "the rule translates active data to %s: a spec translates to the address of the device (masquerade) or to the VIP (snat). The rule can stay if translate is none", strings.Join(to, ", "))
	return false
}

func (f *ftp) equal(other *ftp) bool {
	if f == nil || other == nil {
		return f == other
	}
	return slices.Equal(f.control, other.control) && slices.Equal(f.passive, other.passive) &&
		f.translates == other.translates && f.translate == other.translate && slices.Equal(f.activePorts, other.activePorts) &&
		(f.sources == nil) == (other.sources == nil)
}

// join adds the sources of the other family.
func (f *ftp) join(other *ftp) {
	if f != nil {
		f.sources = append(f.sources, other.sources...)
	}
}

package draft

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// ofCluster returns the translations, for certain ports, of active data of the cluster's
// real servers. It returns none if the forwarding is not nat.
func (d *Draft) ofCluster(c *cluster, all []translation) []translation {
	var of []translation
	for _, s := range c.services {
		for _, t := range all {
			if t.family == s.Family && t.ports != nil && !t.isToServers() && slices.ContainsFunc(active(s), t.contains) {
				of = append(of, t)
			}
		}
	}
	return of
}

// unclaimed returns the translations that are of no cluster with the usual ports of FTP: each
// of them shows that a cluster with other ports is FTP.
func (d *Draft) unclaimed(all []translation, servers []*oldconfig.FTPServer) []translation {
	claimed := map[oldconfig.Line]bool{}
	for _, c := range d.clusters {
		if ftpPorts(c, servers) != nil {
			for _, t := range d.ofCluster(c, all) {
				claimed[t.line] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(t translation) bool { return claimed[t.line] })
}

// active returns the real servers of a service that are in use, and send active data through
// the director.
func active(s *oldconfig.Service) []oldconfig.RealServer {
	return slices.DeleteFunc(slices.Clone(s.RealServers), func(r oldconfig.RealServer) bool {
		return r.Disabled || r.Fallback || r.Forwarding != config.NAT || r.Address.Is4() != (s.Family == config.IPv4)
	})
}

func (t translation) contains(r oldconfig.RealServer) bool {
	n := oldconfig.AddressNumber(r.Address)
	return t.sources == nil || slices.ContainsFunc(t.sources, func(from oldconfig.Range) bool {
		return from.Contains(oldconfig.Range{Low: n, High: n})
	})
}

// findActiveData takes the translation of active data.
func (d *Draft) findActiveData(c *cluster, all []translation) {
	if c.ftp == nil || len(c.services) == 0 || len(active(c.services[0])) == 0 {
		return
	}
	c.ftp.translates = true
	of := d.ofCluster(c, all)
	if len(of) == 0 {
		of = d.general(c, all)
	}
	if len(of) == 0 || !d.translate(c, of) {
		c.ftp.translate, c.ftp.activePorts = config.NoTranslation, c.ftp.data
		d.remark(c.line(), "no rule translates the source of active data as a spec can: clients get connections from the address of a real server. Consider translate: masquerade, the default")
	}
}

// general returns the first translation that applies to all packets of the real servers.
func (d *Draft) general(c *cluster, all []translation) []translation {
	s := c.services[0]
	i := slices.IndexFunc(all, func(t translation) bool {
		return t.family == s.Family && t.ports == nil && !t.isToServers() && !slices.ContainsFunc(active(s), func(r oldconfig.RealServer) bool { return !t.contains(r) })
	})
	if i < 0 {
		return nil
	}
	d.remark(all[i].line, "the rule translates more than active data; keep it if other connections need it. The spec translates active data from port %d", dataPort)
	return all[i : i+1]
}

// translate takes translations, which must agree on the new address.
func (d *Draft) translate(c *cluster, of []translation) bool {
	f := c.ftp
	f.line = of[0].line
	var sources []oldconfig.Range
	for _, t := range of {
		to, ok := d.target(c, t)
		if !ok {
			return false
		}
		if t.line != of[0].line && to != f.translate {
			d.remark(t.line, "the rule translates active data to another address than %s", of[0].line)
			return false
		}
		f.translate = to
		if t.otherPorts {
			d.remark(t.line, "the rule changes the source port of active data; lvsmark keeps it. verify shows it as a difference")
		}
		for _, port := range t.ports {
			if !slices.Contains(f.activePorts, port) {
				f.activePorts = append(f.activePorts, port)
			}
		}
		for _, from := range t.sources {
			sources = withSource(sources, from)
		}
	}
	if !areServers(sources, active(c.services[0])) {
		for _, from := range sources {
			f.sources = append(f.sources, from.Addresses(of[0].family))
		}
	}
	return true
}

// withSource adds a source, and removes what lies within another: a spec refuses overlaps.
func withSource(sources []oldconfig.Range, from oldconfig.Range) []oldconfig.Range {
	if slices.ContainsFunc(sources, func(other oldconfig.Range) bool { return other.Contains(from) }) {
		return sources
	}
	sources = slices.DeleteFunc(sources, from.Contains)
	return append(sources, from)
}

// areServers reports whether sources are the addresses of the real servers, the default.
func areServers(sources []oldconfig.Range, servers []oldconfig.RealServer) bool {
	return len(sources) == len(servers) && !slices.ContainsFunc(servers, func(r oldconfig.RealServer) bool {
		n := oldconfig.AddressNumber(r.Address)
		return !slices.Contains(sources, oldconfig.Range{Low: n, High: n})
	})
}

// target returns what a rule translates to: the address of the device, or the VIP.
func (d *Draft) target(c *cluster, t translation) (config.Translation, bool) {
	switch {
	case t.toDevice:
		return config.Masquerade, true
	case len(c.vips) == 1 && len(t.to) == 1 && t.to[0] == c.vips[0].addresses:
		return config.SNAT, true
	}
	var to []string
	for _, r := range t.to {
		to = append(to, r.Addresses(t.family))
	}
	if to == nil {
		to = []string{"another port"}
	}
	d.remark(t.line, "the rule translates active data to %s: a spec translates to the address of the device (masquerade) or to the VIP (snat). The rule can stay if translate is none", strings.Join(to, ", "))
	return 0, false
}

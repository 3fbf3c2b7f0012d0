package draft

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// isToServers reports whether a rule translates packets with certain marks, to certain
// addresses, or of IPVS: those that IPVS sends to real servers.
func (t translation) isToServers() bool { return t.marks != nil || t.servers != nil || t.ofIPVS }

// findSourceNAT finds the rules that translate the source of packets to the real servers.
func (d *Draft) findSourceNAT(c *cluster, all []translation, tracking *oldconfig.Tracking) {
	for _, s := range c.services {
		for _, r := range active(s) {
			of := slices.DeleteFunc(slices.Clone(all), func(t translation) bool { return t.family != s.Family || !t.isTo(r, c.mark) })
			for _, v := range c.vips {
				if v.family != s.Family {
					continue
				}
				if t, to, found := d.sourceNATOf(v, of); found && tracking != nil && !tracking.On {
					d.remark(t.line, "the rule has no effect on packets of IPVS: %s is 0 (%s)", config.ConntrackSysctl, tracking.Line)
				} else if found {
					c.sourceNAT, c.sourceNATLine = to, t.line
				}
			}
		}
	}
}

// sourceNATOf returns the translation of packets of a VIP, by one rule, or by a rule for each
// of its addresses. rules are of packets to one real server.
func (d *Draft) sourceNATOf(v vip, rules []translation) (t translation, to config.SourceNAT, found bool) {
	singles := map[oldconfig.Number]bool{}
	for _, t = range rules {
		if t.vips == nil || slices.ContainsFunc(t.vips, func(r oldconfig.Range) bool { return r.Contains(v.addresses) }) {
			return t, d.sourceNATTo(v.addresses, t), true
		}
		for _, part := range t.vips {
			if both, ok := part.Intersect(v.addresses); ok && part.Low == part.High {
				singles[both.Low] = true
				to = d.sourceNATTo(both, t)
			}
		}
		if uint64(len(singles)) == v.addresses.High.Low-v.addresses.Low.Low+1 {
			return t, to, true
		}
	}
	return t, to, false
}

// sourceNATTo returns what a rule translates to packets of addresses.
func (d *Draft) sourceNATTo(vips oldconfig.Range, t translation) config.SourceNAT {
	switch {
	case t.toOriginal, len(t.to) == 1 && t.to[0] == vips:
		return config.SourceNATToVIP
	case !t.toDevice && len(t.to) > 0:
		d.remark(t.line, "the rule translates packets to real servers to %s: a spec translates to the address of the device (masquerade) or to the VIP (snat)", t.to[0].Addresses(t.family))
	}
	return config.SourceNATMasquerade
}

// isTo reports whether the rule translates packets that IPVS sends to a real server.
func (t translation) isTo(r oldconfig.RealServer, mark uint32) bool {
	n, m := oldconfig.AddressNumber(r.Address), oldconfig.Number{Low: uint64(mark)}
	within := func(list []oldconfig.Range, n oldconfig.Number) bool {
		return list == nil || slices.ContainsFunc(list, func(other oldconfig.Range) bool {
			return other.Contains(oldconfig.Range{Low: n, High: n})
		})
	}
	return t.isToServers() && within(t.servers, n) && within(t.marks, m)
}

package draft

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// isToServers reports whether a rule translates packets with certain marks, or to certain
// addresses: those that IPVS sends to real servers.
func (t translation) isToServers() bool { return t.marks != nil || t.servers != nil }

// findSourceNAT finds the rules that translate the source of packets to the real servers.
func (d *Draft) findSourceNAT(c *cluster, all []translation) {
	for _, s := range c.services {
		for _, r := range active(s) {
			i := slices.IndexFunc(all, func(t translation) bool { return t.family == s.Family && t.isTo(r, c.mark) })
			if i < 0 {
				continue
			}
			found := config.SourceNATMasquerade
			switch {
			case all[i].toOriginal:
				found = config.SourceNATToVIP
			case len(all[i].to) == 0:
			case len(c.vips) == 1 && len(all[i].to) == 1 && all[i].to[0] == c.vips[0].addresses:
				found = config.SourceNATToVIP
			default:
				d.remark(all[i].line, "the rule translates packets to real servers to %s: a spec translates to the address of the device (masquerade) or to the VIP (snat)", all[i].to[0].Addresses(s.Family))
			}
			c.sourceNAT = found
		}
	}
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
